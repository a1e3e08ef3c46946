"""A stand-in for a role: answers its probe, says who it is, and ends at SIGTERM.

`standin.py NAME METRICS_PORT [--exit CODE] [--child]`. It writes `begun NAME` and `ended NAME` to the file that
ORDER names, and with --child leaves a grandchild in a session of its own, as a careless role might.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{sys.argv[1]} {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def note(word: str) -> None:
    with Path(os.environ["ORDER"]).open("a") as file:
        file.write(f"{word} {sys.argv[1]}\n")


def serve_inherited(descriptor: int) -> None:
    server = HTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    if "--exit" in sys.argv:
        print("cannot work: the reason is on this line", flush=True)
        raise SystemExit(int(sys.argv[sys.argv.index("--exit") + 1]))
    if "--child" in sys.argv:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    note("begun")
    if "LOREKEEP_LISTEN_FD" in os.environ:
        serve_inherited(int(os.environ["LOREKEEP_LISTEN_FD"]))
    probes = HTTPServer(("127.0.0.1", int(sys.argv[2])), Answer)
    threading.Thread(target=probes.serve_forever, daemon=True).start()
    ending.wait()
    note("ended")


if __name__ == "__main__":
    main()
