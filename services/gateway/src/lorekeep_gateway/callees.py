"""The services that the gateway's roles call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lorekeep.embedder.v1.embedder_pb2_grpc import EmbedderServiceStub
from lorekeep.parser.v1.parser_pb2_grpc import ParserServiceStub
from lorekeep.search.v1.search_pb2_grpc import SearchServiceStub
from lorekeep_chassis import calls
from lorekeep_chassis.channels import open_channel
from lorekeep_gateway.settings import StoreSettings

_HEALTH_SECONDS = 2.0
_NOBODY = calls.CallContext("", "", "health", calls.Lane.INTERACTIVE)


@dataclass(frozen=True)
class Callees:
    """Stubs of parser, embedder and search, and their channels by role, for health."""

    parser: ParserServiceStub
    embedder: EmbedderServiceStub
    search: SearchServiceStub
    channels: dict[str, grpc.aio.Channel]

    async def healthy(self, role: str) -> bool:
        """Whether a callee says that it serves; asked under two seconds."""
        stub = health_pb2_grpc.HealthStub(self.channels[role])
        with calls.calling_as(_NOBODY), calls.deadline(_HEALTH_SECONDS):
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest())
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def opened(settings: StoreSettings) -> AsyncIterator[Callees]:
    """Channels to all three, closed at the end. Parse is not retried by gRPC: the job does that."""
    parser = open_channel(settings.parser_target, settings.parser_token.get_secret_value())
    embedder = open_channel(
        settings.embedder_target,
        settings.embedder_token.get_secret_value(),
        retried=["lorekeep.embedder.v1.EmbedderService"],
    )
    search = open_channel(
        settings.search_target, settings.search_token.get_secret_value(), retried=["lorekeep.search.v1.SearchService"]
    )
    channels = {"parser": parser, "embedder": embedder, "search": search}
    try:
        yield Callees(ParserServiceStub(parser), EmbedderServiceStub(embedder), SearchServiceStub(search), channels)
    finally:
        for channel in channels.values():
            await channel.close(None)
