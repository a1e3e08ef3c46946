"""Whether search is ready: with its index. Without the embedder or Redis it is degraded."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lorekeep_chassis import channels, logs, probes
from lorekeep_chassis.grpc_server import GrpcServer
from lorekeep_chassis.probes import Component

_LOG = logs.logger(__name__)
_EVERY_SECONDS = 1.0
_ASK_SECONDS = 1.0

Check = Callable[[], Awaitable[Component]]


class Readiness:
    """Asks each component how it is, again and again, and tells the probes and gRPC's health."""

    def __init__(self, health: probes.Health, server: GrpcServer, checks: dict[str, Check]) -> None:
        self._health = health
        self._server = server
        self._checks = checks

    async def watch(self) -> None:
        """Runs until it is cancelled. Where it fails, readiness fails: what it said last is no longer watched."""
        try:
            await self._watch()
        except Exception as error:
            _LOG.exception("readiness is watched no more")
            self._health.report({"watch": {"status": "failed", "detail": type(error).__name__}})
            await self._server.set_serving(False)
            raise

    async def _watch(self) -> None:
        while True:
            answers = await asyncio.gather(*(check() for check in self._checks.values()))
            self._health.report(dict(zip(self._checks, answers, strict=True)))
            await self._server.set_serving(self._health.ready)
            await asyncio.sleep(_EVERY_SECONDS)


class EmbedderHealth:
    """Asks the embedder's own health, over a channel without interceptors: probes make no spans."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.aio.insecure_channel(channels.grpc_target(target))
        self._stub = health_pb2_grpc.HealthStub(self._channel)

    async def health(self) -> Component:
        """Degraded at worst: searching by words goes on."""
        try:
            answer = await self._stub.Check(health_pb2.HealthCheckRequest(), timeout=_ASK_SECONDS)
        except grpc.aio.AioRpcError as error:
            return {"status": "degraded", "detail": f"the embedder does not answer ({error.code().name})"}
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            return {"status": "degraded", "detail": "the embedder is not ready"}
        return {"status": "ok", "detail": "embedder"}

    async def close(self) -> None:
        await self._channel.close(None)
