"""The search role as a real process, and an embedder that obeys the contract on a real socket."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from tests.search import samples

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep.search.v1 import search_pb2_grpc
from lorekeep_chassis import calls, channels, errors
from lorekeep_chassis.grpc_server import GrpcServer

SEARCH_TOKEN, EMBEDDER_TOKEN = "search-token", "embedder-token"


class FakeEmbedder(embedder_pb2_grpc.EmbedderServiceServicer):
    """Embeds with `samples.vector`, refuses what the contract refuses, and remembers what it was asked."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.requests: list[embedder_pb2.EmbedRequest] = []
        self.contexts: list[calls.CallContext] = []

    async def Embed(self, request: embedder_pb2.EmbedRequest, context: Any) -> embedder_pb2.EmbedResponse:
        self.requests.append(request)
        self.contexts.append(calls.current())
        if request.expected_fingerprint not in ("", self.fingerprint):
            raise errors.ModelMismatch("The model is another. Build a new generation.")
        model = embedder_pb2.Model(name="fake", fingerprint=self.fingerprint, dimensions=samples.DIMENSIONS)
        vectors = b"".join(samples.vector(text) for text in request.texts)
        return embedder_pb2.EmbedResponse(vectors=vectors, model=model)


@asynccontextmanager
async def embedding(fake: FakeEmbedder, port: int = 0) -> AsyncIterator[int]:
    """Serves the embedder inside; gives its port."""
    server = GrpcServer(
        f"127.0.0.1:{port}",
        EMBEDDER_TOKEN,
        ["lorekeep.embedder.v1.EmbedderService"],
        lambda each: embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(fake, each),
    )
    await server.start()
    await server.set_serving(True)
    try:
        yield server.port
    finally:
        await server.drain(0.1)


class SearchProcess:
    """A search process over an index directory."""

    def __init__(self, index_path: Path, embedder_port: int, **more: str) -> None:
        self._environment = {
            **{key: each for key, each in os.environ.items() if not key.startswith("LOREKEEP_")},
            "PYTHONPATH": os.pathsep.join(sys.path),
            "LOREKEEP_GRPC_PORT": "0",
            "LOREKEEP_METRICS_PORT": "0",
            "LOREKEEP_SEARCH_TOKEN": SEARCH_TOKEN,
            "LOREKEEP_EMBEDDER_TOKEN": EMBEDDER_TOKEN,
            "LOREKEEP_EMBEDDER_TARGET": f"127.0.0.1:{embedder_port}",
            "LOREKEEP_INDEX_PATH": str(index_path),
            **more,
        }
        self.facts: dict[str, Any] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "SearchProcess":
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lorekeep_search", env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.get_running_loop().create_task(self._read())
        await samples.until(self._listens)
        self.channel = channels.open_channel(f"127.0.0.1:{self.facts['grpc_port']}", SEARCH_TOKEN)
        self.stub = search_pb2_grpc.SearchServiceStub(self.channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close(None)
        await self.end()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and gives the exit status."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(30):
            status = await self.process.wait()
        if self._reading:
            await self._reading
        return status

    async def call(
        self, method: str, request: Any, organisation: str = samples.ORGANISATION, seconds: float = 20
    ) -> Any:
        with samples.calling_as(organisation), calls.deadline(seconds):
            return await getattr(self.stub, method)(request)

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /health/ready."""
        head, _, body = (await self._got("/health/ready")).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    async def metrics(self) -> str:
        return (await self._got("/metrics")).decode()

    async def ready(self) -> Mapping[str, Any]:
        """Waits until it is ready and gives the components."""

        async def is_ready() -> bool:
            return (await self.readiness())[0] == 200

        await samples.until(is_ready)
        components: Mapping[str, Any] = (await self.readiness())[1]["components"]
        return components

    def children(self) -> list[int]:
        """Processes that it has started: the engine's."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    async def _listens(self) -> bool:
        return {"grpc_port", "metrics_port"} <= self.facts.keys()

    async def _got(self, path: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.facts["metrics_port"])
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            with suppress(ValueError):
                self.facts |= json.loads(line)


async def code_of(answer: Any) -> grpc.StatusCode:
    """The code with which a call fails."""
    try:
        await answer
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK
