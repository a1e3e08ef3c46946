"""A small honest embedder servicer, to have something to call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2 as pb
from lorekeep.embedder.v1 import embedder_pb2_grpc as pb_grpc
from lorekeep_chassis import calls, channels, errors
from lorekeep_chassis.grpc_server import GrpcServer

TOKEN = "t" * 32
SERVICE = "lorekeep.embedder.v1.EmbedderService"
CONTEXT = calls.CallContext("org_a", "col_a", "key_a", calls.Lane.BULK)


class Echo(pb_grpc.EmbedderServiceServicer):
    """Answers with what the interceptors made of a call; raises `failure` where one is given."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.seen: list[calls.CallContext] = []
        self.left: list[float | None] = []
        self.cancelled = asyncio.Event()
        self.entered = asyncio.Event()

    async def Embed(self, request: pb.EmbedRequest, context: Any) -> pb.EmbedResponse:
        self.seen.append(calls.current())
        self.left.append(calls.remaining_seconds())
        if self.failure:
            raise self.failure
        return pb.EmbedResponse(token_count=len(request.texts))

    async def ListModels(self, request: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:
        self.entered.set()
        try:
            await asyncio.sleep(0.3 if self.failure is None else 60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return pb.ListModelsResponse()

    async def GetTokenizer(
        self, request: pb.GetTokenizerRequest, context: Any
    ) -> AsyncIterator[pb.GetTokenizerResponse]:
        for piece in (b"one", b"two"):
            yield pb.GetTokenizerResponse(data=piece)
        if self.failure:
            raise self.failure


@asynccontextmanager
async def serving(echo: Echo) -> AsyncIterator[GrpcServer]:
    server = GrpcServer(
        "127.0.0.1:0", TOKEN, [SERVICE], lambda it: pb_grpc.add_EmbedderServiceServicer_to_server(echo, it)
    )
    await server.start()
    await server.set_serving(True)
    try:
        yield server
    finally:
        await server.drain(0)


@asynccontextmanager
async def calling(port: int, token: str = TOKEN) -> AsyncIterator[pb_grpc.EmbedderServiceStub]:
    channel = channels.open_channel(f"127.0.0.1:{port}", token, retried=[SERVICE])
    try:
        yield pb_grpc.EmbedderServiceStub(channel)
    finally:
        await channel.close(None)


def failing() -> Exception:
    return errors.Overloaded("Full. Come back later.", retry_after_seconds=2.5)
