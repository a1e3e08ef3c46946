"""One request after another, in the order they come; the service decides what is sent next."""

import ctypes
import fcntl
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lorekeep_search import frames
from lorekeep_search.engine.shards import Shards, UnknownSpace

_PR_SET_PDEATHSIG = 1
_LOCK_SECONDS = 10.0
# Acknowledged writes lie in the engine's log at once; flushing bounds what the log must replay at the next start.
_IDLE_SECONDS = 0.5
_FLUSH_SECONDS = 10.0


def serve(directory: Path, descriptor: int, parent: int) -> None:
    """Opens the index and answers until the service closes the socket; ends with the service, however that ends."""
    _die_with(parent)
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket(fileno=descriptor) as connection, _only_opener(directory):
        shards = Shards(directory)
        connection.sendall(frames.packed(frames.Frame({"ready": True})))
        try:
            _answer_all(connection, shards)
        finally:
            shards.close()


def _answer_all(connection: socket.socket, shards: Shards) -> None:
    flushed = time.monotonic()
    while True:
        idle = not select.select([connection], [], [], _IDLE_SECONDS)[0]
        if idle or time.monotonic() - flushed > _FLUSH_SECONDS:
            shards.flush()
            flushed = time.monotonic()
        if idle:
            continue
        request = _received(connection)
        if request is None:
            return
        connection.sendall(frames.packed(frames.Frame(_answer(shards, request))))


def _answer(shards: Shards, request: frames.Frame) -> dict[str, Any]:
    try:
        return shards.run(request.header, request.tail)
    except UnknownSpace:
        return {"error": "unknown_space"}
    except Exception as error:  # noqa: BLE001 - the process's edge: the service raises it as its own
        return {"error": "failed", "detail": f"{type(error).__name__}: {error}"[:300]}


def _received(connection: socket.socket) -> frames.Frame | None:
    lengths = _exactly(connection, frames.LENGTHS.size)
    if lengths is None:
        return None
    header_length, tail_length = frames.LENGTHS.unpack(lengths)
    header, tail = _exactly(connection, header_length), _exactly(connection, tail_length)
    return None if header is None or tail is None else frames.unpacked(header, tail)


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    """The next `count` bytes; None where the service has gone."""
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(min(count - len(received), 1 << 20))
        if not piece:
            return None
        received += piece
    return bytes(received)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before the signal was asked for.
        sys.exit(1)


@contextmanager
def _only_opener(directory: Path) -> Iterator[None]:
    """Two openers would ruin the index. A predecessor that is just ending is waited for."""
    deadline = time.monotonic() + _LOCK_SECONDS
    with (directory / ".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    print("another process holds the index", file=sys.stderr)
                    raise SystemExit(3) from None
                time.sleep(0.05)
        yield
