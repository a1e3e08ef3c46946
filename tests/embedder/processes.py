"""An embedder as a real process, and calls to it through real channels."""

import json
import os
import queue
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep_chassis import calls, channels, client_calls

TOKEN = "the-token-of-the-embedder"
CALLER = calls.CallContext("org_a", "col_a", "key_a", calls.Lane.INTERACTIVE)


class EmbedderProcess:
    """A child process; what it logs is read as it comes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._news: queue.Queue[dict[str, Any] | None] = queue.Queue()
        Thread(target=self._read, daemon=True).start()
        self.grpc_port = int(self.wait_for("embedder listening")["grpc_port"])
        self.metrics_port = int(self.wait_for("embedder started")["metrics_port"])

    def wait_for(self, message: str, seconds: float = 60) -> dict[str, Any]:
        """The next log line that begins so; fails when the process ends or the time does, whatever else it logs."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._news.get(timeout=left)
            except queue.Empty:
                break
            assert line is not None, f"ended without saying {message!r}: {self.lines}"
            if line["message"].startswith(message):
                return line
        raise AssertionError(f"did not say {message!r} within {seconds} s, but: {self.lines[-20:]}")

    def wait_until_ready(self) -> None:
        self.wait_for("model ready")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the metrics listener."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            self.lines.append(line)
            self._news.put(line)
        self._news.put(None)


@contextmanager
def running(models_path: Path, **settings: str) -> Iterator[EmbedderProcess]:
    """Starts an embedder on free ports and ends it by its id."""
    environ = {
        **os.environ,
        "LOREKEEP_EMBEDDER_TOKEN": TOKEN,
        "LOREKEEP_GRPC_PORT": "0",
        "LOREKEEP_METRICS_PORT": "0",
        "LOREKEEP_MODELS_PATH": str(models_path),
        **settings,
    }
    command = [sys.executable, "-m", "lorekeep_embedder"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield EmbedderProcess(process)
        finally:
            process.kill()


@asynccontextmanager
async def stub_of(embedder: EmbedderProcess, token: str = TOKEN) -> AsyncIterator[Any]:
    async with channels.open_channel(f"127.0.0.1:{embedder.grpc_port}", token) as channel:
        yield embedder_pb2_grpc.EmbedderServiceStub(channel)  # type: ignore[no-untyped-call]


async def embed(
    stub: Any, texts: Sequence[str], *, caller: calls.CallContext = CALLER, **fields: Any
) -> embedder_pb2.EmbedResponse:
    """One Embed call; its errors are the house's."""
    request = embedder_pb2.EmbedRequest(**{"texts": texts, "purpose": embedder_pb2.PURPOSE_PASSAGE, **fields})
    with calls.calling_as(caller):
        async with client_calls.translated():
            response: embedder_pb2.EmbedResponse = await stub.Embed(request, timeout=60)
            return response
