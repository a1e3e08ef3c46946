"""Wires the parser role: fork servers, desk, gRPC, health."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from lorekeep.parser.v1 import parser_pb2, parser_pb2_grpc
from lorekeep_chassis import logs
from lorekeep_chassis.grpc_server import GrpcServer
from lorekeep_chassis.process import Life
from lorekeep_parser.chunking.tokenizer_shelf import TokenizerShelf
from lorekeep_parser.desk import Desk
from lorekeep_parser.sandbox import walls
from lorekeep_parser.sandbox.children import Children, Clock, Slots
from lorekeep_parser.sandbox.forking import ForkServer
from lorekeep_parser.sandbox.scratch import Scratch
from lorekeep_parser.servicer import ParserServicer
from lorekeep_parser.settings import ParserSettings

_LOG = logs.logger(__name__)
_NAME = parser_pb2.DESCRIPTOR.services_by_name["ParserService"].full_name


@asynccontextmanager
async def serve(settings: ParserSettings, life: Life) -> AsyncIterator[None]:
    """Serves inside; drains at the end and takes the fork servers down last."""
    walls.guard_server()
    changed = asyncio.Event()
    light, heavy = ForkServer("light", changed), ForkServer("heavy", changed)
    # By port, so that a parser started again removes what its earlier life left, and no neighbour's.
    scratch = Scratch(settings.temp_dir, f"parser-{settings.grpc_port or os.getpid()}")
    scratch.clear()
    server = _grpc_server(settings, scratch, light, heavy)
    await server.start()
    reporting = _kept(_reported(light, heavy, server, life), "health", life)
    forking = [_kept(each.run(), "fork server", life) for each in (light, heavy)]
    _LOG.info("parser listens", extra={"lorekeep": {"grpc_port": server.port}})
    try:
        yield
    finally:
        reporting.cancel()
        await server.drain(settings.drain_seconds)
        for each in forking:
            each.cancel()
        await asyncio.gather(reporting, *forking, return_exceptions=True)
        scratch.remove()


def _grpc_server(settings: ParserSettings, scratch: Scratch, light: ForkServer, heavy: ForkServer) -> GrpcServer:
    desk = Desk(
        Slots(settings.concurrent_processes),
        Clock(settings.processing_timeout_seconds),
        scratch,
        TokenizerShelf(scratch.shelf("tokenizers")),
        Children(light, heavy, settings.processing_timeout_seconds, settings.silence_seconds),
    )
    return GrpcServer(
        f"{settings.host}:{settings.grpc_port}",
        settings.parser_token.get_secret_value(),
        (_NAME,),
        lambda server: parser_pb2_grpc.add_ParserServiceServicer_to_server(ParserServicer(desk), server),
    )


async def _reported(light: ForkServer, heavy: ForkServer, server: GrpcServer, life: Life) -> None:
    """Tells health what the fork servers say of themselves, whenever it changes. The light one is enough to serve."""
    while True:
        up = light.ready.is_set()
        state = {"status": "ok", "detail": "up"} if up else {"status": "failed", "detail": "starting"}
        life.health.report({"fork_server": state, **light.components, **_of_heavy(heavy)})
        await server.set_serving(up)
        await light.changed.wait()
        light.changed.clear()


def _of_heavy(heavy: ForkServer) -> dict[str, dict[str, str]]:
    if heavy.ready.is_set():
        return {"unstructured": heavy.components["unstructured"]}
    return {"unstructured": {"status": "degraded", "detail": "starting; documents that need it wait for it"}}


def _kept(work: Coroutine[None, None, None], what: str, life: Life) -> "asyncio.Task[None]":
    """A task without which the process is of no use: when it fails, the process ends and is started again."""

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("%s failed", what, exc_info=task.exception())
            life.ending.set()

    task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(ended)
    return task
