"""The gRPC server of a role: one bootstrap for all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import _async as aio_health
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from lorekeep_chassis.channels import WIRE_LIMIT_BYTES
from lorekeep_chassis.server_calls import ServerCalls

_MAX_CONNECTION_AGE_MS = 5 * 60 * 1000
# grpc cancels calls that have arrived and that no handler has taken up when it stops; this lets them be taken up, and
# callers that watch health go elsewhere.
_TAKE_UP_SECONDS = 0.5


class GrpcServer:
    """Listens, says how it is, drains.

    `add_services` puts the servicers on the server; `service_names` are their full names, for health and reflection.
    """

    def __init__(
        self,
        address: str,
        token: str,
        service_names: Sequence[str],
        add_services: Callable[[grpc.aio.Server], None],
        *,
        max_concurrent_calls: int = 1024,
    ) -> None:
        self._names = ("", *service_names)
        self._health: Any = aio_health.HealthServicer()
        self._server = grpc.aio.server(
            interceptors=[ServerCalls(token)],
            maximum_concurrent_rpcs=max_concurrent_calls,
            options=[
                ("grpc.max_receive_message_length", WIRE_LIMIT_BYTES),
                ("grpc.max_send_message_length", WIRE_LIMIT_BYTES),
                ("grpc.max_connection_age_ms", _MAX_CONNECTION_AGE_MS),
                ("grpc.max_connection_age_grace_ms", 30_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.so_reuseport", 0),
            ],
        )
        add_services(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*service_names, reflection.SERVICE_NAME, health.SERVICE_NAME), self._server
        )
        self.port = self._server.add_insecure_port(address)

    async def start(self) -> None:
        """Listens; not serving until `set_serving(True)`."""
        await self.set_serving(False)
        await self._server.start()

    async def set_serving(self, serving: bool) -> None:
        """Sets the health of every service."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self._names:
            await self._health.set(name, status)

    async def drain(self, grace_seconds: float) -> None:
        """Turns not serving, refuses new calls and waits for those under way, at most `grace_seconds`."""
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(min(_TAKE_UP_SECONDS, grace_seconds / 2))
        await self._server.stop(grace_seconds)
