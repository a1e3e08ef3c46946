"""Who is measured: our server with each backend, infinity, sentence-transformers in a loop, and our backend alone."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
from tests.embedder.processes import EmbedderProcess, running

from bench.embedder import clients, loads, process_tree
from bench.embedder.clients import Caller
from bench.embedder.conversation import ONE_THREAD, Conversation, talking
from bench.embedder.workloads import Model, Workload
from lorekeep_chassis.calls import Lane

_PEERS = Path(__file__).resolve().parents[2] / ".venv-bench-embedder" / "bin"
PEER_PYTHON = _PEERS / "python"
_START_SECONDS = 180
_UNREACHED = (httpx.ConnectError, httpx.ReadError)


@dataclass(frozen=True)
class Variant:
    """A backend and a precision of ours."""

    backend: str
    precision: str
    resident_mib: int

    @property
    def name(self) -> str:
        return f"{self.backend} {self.precision}"

    @property
    def settings(self) -> dict[str, str]:
        """One session, whatever the machine has."""
        return {
            "LOREKEEP_BACKEND": self.backend,
            "LOREKEEP_PRECISION": self.precision,
            "LOREKEEP_SESSIONS": "1",
            **ONE_THREAD,
        }


class Contender(Protocol):
    """Somebody whose texts per server-CPU-second are measured."""

    name: str

    def rate(self, workload: Workload, connections: int, seconds: float) -> float:
        """Texts per CPU-second of the server."""


class Server:
    """A server that is running; callers come over `connected`."""

    def __init__(
        self, name: str, pid: int, connected: Callable[[Lane, int], AbstractAsyncContextManager[list[Caller]]]
    ) -> None:
        self.name = name
        self.pid = pid
        self.connected = connected

    def rate(self, workload: Workload, connections: int, seconds: float) -> float:
        """See the protocol. The CPU time of the connections' first requests is not counted."""
        return asyncio.run(self._rate(workload, connections, seconds))

    async def _rate(self, workload: Workload, connections: int, seconds: float) -> float:
        async with self.connected(workload.lane, connections) as callers:
            await clients.all_called(callers, workload.texts[:1])
            before = process_tree.cpu_seconds(self.pid)
            tally = await loads.closed(callers, workload.requests(), seconds)
            return tally.texts["answered"] / (process_tree.cpu_seconds(self.pid) - before)


class Naive:
    """sentence-transformers' encode, a call a request, in one process without any server."""

    name = "sentence-transformers in a loop, float32"

    def __init__(self, child: Conversation) -> None:
        self._child = child

    def rate(self, workload: Workload, connections: int, seconds: float) -> float:
        """See the protocol; there are no connections, one request follows the other."""
        found = self._child.ask("rate", texts=workload.texts, size=workload.request_texts, seconds=seconds)
        return float(found["texts"] / found["cpu_seconds"])


class InProcess:
    """Our tokeniser and backend without scheduler and gRPC, in batches of the size that the server formed."""

    def __init__(self, variant: Variant, child: Conversation, batch_texts: dict[tuple[str, int], float]) -> None:
        self.name = f"in process: {variant.name}"
        self.child = child
        self._batch_texts = batch_texts

    def rate(self, workload: Workload, connections: int, seconds: float) -> float:
        """See the protocol."""
        size = self._batch_texts[workload.name, connections]
        waiting = connections * workload.request_texts
        found = self.child.ask("rate", texts=workload.texts, waiting=waiting, batch_texts=size, seconds=seconds)
        return float(found["texts"] / found["cpu_seconds"])


def server_of(variant: Variant, process: EmbedderProcess) -> Server:
    """A running embedder as a contender."""
    port = process.grpc_port
    return Server(variant.name, process.process.pid, lambda lane, count: clients.over_grpc(port, lane, count))


@contextmanager
def ours(variant: Variant, models_path: Path) -> Iterator[EmbedderProcess]:
    """Our embedder, as its process runs it everywhere."""
    with running(models_path, **variant.settings) as process:
        process.wait_until_ready()
        yield process


@contextmanager
def in_process(variant: Variant, models_path: Path) -> Iterator[Conversation]:
    """Our backend in a child of this bench."""
    environment = {**variant.settings, "LOREKEEP_MODELS_PATH": str(models_path), "LOREKEEP_EMBEDDER_TOKEN": "t"}
    with talking([sys.executable, "-m", "bench.embedder.in_process"], environment) as child:
        yield child


@contextmanager
def sentence_transformers(python: str | Path, folder: Path) -> Iterator[Conversation]:
    """sentence-transformers of one of the environments: a naive peer, or an oracle."""
    with talking([str(python), str(Path(__file__).with_name("worker.py")), str(folder)]) as child:
        yield child


@contextmanager
def infinity(model: Model, precision: str) -> Iterator[Server]:
    """infinity-emb with its defaults, torch on the CPU; without a log line a request, which it would write."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = f"--engine torch --device cpu --host 127.0.0.1 --port {port} --log-level warning --dtype {precision}"
    command = [str(_PEERS / "infinity_emb"), "v2", "--model-id", str(model.folder), *arguments.split()]
    command += ["--served-model-name", model.name]
    environ = {**os.environ, **ONE_THREAD, "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_healthy(process, port)
            yield Server(
                f"infinity {precision}", process.pid, lambda _, count: clients.over_http(port, model.name, count)
            )
        finally:
            process.kill()


def _wait_until_healthy(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health").is_success:
                return
        except _UNREACHED:
            time.sleep(0.5)
    raise RuntimeError(f"{process.args!r} did not start")
