"""A line to a service that breaks on purpose: a TCP relay that does to each connection what was planned for it."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

PASS, RESET, LOSE = "pass", "reset", "lose"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@contextmanager
def faulty_line(url: str, *plan: str) -> Iterator[str]:
    """An address that leads to `url`. Connections are treated in the order of the plan, later ones pass.

    `reset` resets a connection before its request is read; `lose` lets one request be answered and resets then, with
    the answer kept back.
    """
    target = urlsplit(url)
    left = deque(plan)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            treatment = left.popleft() if left else PASS
            threading.Thread(target=_treat, args=(client, treatment, target.hostname, target.port), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


def _treat(client: socket.socket, treatment: str, host: str, port: int) -> None:
    if treatment == RESET:
        return _reset(client)
    upstream = socket.create_connection((host, port))
    forward = threading.Thread(target=_pump, args=(client, upstream), daemon=True)
    forward.start()
    if treatment == LOSE:
        upstream.recv(65536)  # the request was carried out: its answer is here, and goes no further
        client.shutdown(socket.SHUT_RD)  # ends the other thread's reading, so that closing resets at once
        forward.join()
        upstream.close()
        return _reset(client)
    return _pump(upstream, client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    client.close()
