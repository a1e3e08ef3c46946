"""Wires the parser role: fork server, desk, gRPC, health."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from lorekeep.parser.v1 import parser_pb2, parser_pb2_grpc
from lorekeep_chassis import logs
from lorekeep_chassis.grpc_server import GrpcServer
from lorekeep_chassis.process import Life
from lorekeep_parser.children import Children, Clock, Slots
from lorekeep_parser.desk import Desk
from lorekeep_parser.forking import ForkServer
from lorekeep_parser.scratch import Scratch
from lorekeep_parser.servicer import ParserServicer
from lorekeep_parser.settings import ParserSettings
from lorekeep_parser.tokenizer_shelf import TokenizerShelf

_LOG = logs.logger(__name__)
_NAME = parser_pb2.DESCRIPTOR.services_by_name["ParserService"].full_name


@asynccontextmanager
async def serve(settings: ParserSettings, life: Life) -> AsyncIterator[None]:
    """Serves inside; drains at the end and takes the fork server down last."""
    fork_server = ForkServer()
    # By port, so that a parser started again removes what its earlier life left, and no neighbour's.
    scratch = Scratch(settings.temp_dir, f"parser-{settings.grpc_port or os.getpid()}")
    scratch.clear()
    server = _grpc_server(settings, scratch, fork_server)
    await server.start()
    tasks = [
        _kept(fork_server.run(), "fork server", life),
        _kept(_reported(fork_server, server, life), "health", life),
    ]
    _LOG.info("parser listens", extra={"lorekeep": {"grpc_port": server.port}})
    try:
        yield
    finally:
        tasks[1].cancel()
        await server.drain(settings.drain_seconds)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        scratch.remove()


def _grpc_server(settings: ParserSettings, scratch: Scratch, fork_server: ForkServer) -> GrpcServer:
    desk = Desk(
        Slots(settings.concurrent_processes),
        Clock(settings.processing_timeout_seconds),
        scratch,
        TokenizerShelf(scratch.shelf("tokenizers")),
        Children(fork_server, settings.processing_timeout_seconds),
    )
    return GrpcServer(
        f"{settings.host}:{settings.grpc_port}",
        settings.parser_token.get_secret_value(),
        (_NAME,),
        lambda server: parser_pb2_grpc.add_ParserServiceServicer_to_server(ParserServicer(desk), server),
    )


async def _reported(fork_server: ForkServer, server: GrpcServer, life: Life) -> None:
    """Tells health what the fork server says of itself, whenever it changes."""
    while True:
        up = fork_server.ready.is_set()
        state = {"status": "ok", "detail": "up"} if up else {"status": "failed", "detail": "starting"}
        life.health.report({"fork_server": state, **fork_server.components})
        await server.set_serving(up)
        await fork_server.changed.wait()
        fork_server.changed.clear()


def _kept(work: Coroutine[None, None, None], what: str, life: Life) -> "asyncio.Task[None]":
    """A task without which the process is of no use: when it fails, the process ends and is started again."""

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("%s failed", what, exc_info=task.exception())
            life.ending.set()

    task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(ended)
    return task
