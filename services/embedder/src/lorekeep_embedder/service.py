"""The embedder's life: listen, load, warm up, serve, drain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from lorekeep.embedder.v1 import embedder_pb2_grpc
from lorekeep_chassis import logs
from lorekeep_chassis.errors import LorekeepError
from lorekeep_chassis.grpc_server import GrpcServer
from lorekeep_chassis.process import Life
from lorekeep_embedder import model_files, registry
from lorekeep_embedder.backends import choice
from lorekeep_embedder.model import LoadedModel
from lorekeep_embedder.scheduler import Scheduler
from lorekeep_embedder.servicer import SERVICE, EmbedderServicer
from lorekeep_embedder.settings import EmbedderSettings
from lorekeep_embedder.shelf import Shelf
from lorekeep_embedder.tokenizer import Tokenizer

_LOG = logs.logger(__name__)
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 1.0, 30.0


@asynccontextmanager
async def serve(settings: EmbedderSettings, life: Life) -> AsyncIterator[None]:
    """Listens at once and serves once the model is warm; on the way out finishes what was taken."""
    shelf = Shelf(settings.embedding_model)

    def add(server: grpc.aio.Server) -> None:
        embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(EmbedderServicer(shelf), server)

    address = f"{settings.host}:{settings.grpc_port}"
    server = GrpcServer(address, settings.embedder_token.get_secret_value(), [SERVICE], add)
    await server.start()
    _LOG.info("embedder listening", extra={"lorekeep": {"grpc_port": server.port}})
    async with asyncio.TaskGroup() as tasks:
        computing = tasks.create_task(_compute(settings, life, server, shelf))
        try:
            yield
        finally:
            await server.drain(settings.drain_seconds)
            computing.cancel()


async def _compute(settings: EmbedderSettings, life: Life, server: GrpcServer, shelf: Shelf) -> None:
    plan = await asyncio.to_thread(choice.planned, settings)
    scheduler = Scheduler(plan.sessions)
    model = await _loaded_in_the_end(settings, plan, scheduler, life)
    shelf.put(model)
    made = model.description
    detail = f"{made.name} on {made.backend}, {made.device}, {made.precision}"
    life.health.report({"model": {"status": "ok", "detail": detail}})
    await server.set_serving(True)
    _LOG.info("model ready: %s", detail, extra={"lorekeep": {"fingerprint": model.description.fingerprint}})
    try:
        await scheduler.run()
    finally:
        model.close()


async def _loaded_in_the_end(
    settings: EmbedderSettings, plan: choice.Plan, scheduler: Scheduler, life: Life
) -> LoadedModel:
    """Tries until the model is there: not ready meanwhile, with the reason, and never a crash loop."""
    wait_seconds = _FIRST_RETRY_SECONDS
    while True:
        try:
            return await asyncio.to_thread(_loaded, settings, plan, scheduler)
        except Exception as error:  # noqa: BLE001 - runtimes raise what they like; the probe and the log say it
            known = isinstance(error, LorekeepError)
            life.health.report({"model": {"status": "failed", "detail": str(error)}})
            _LOG.error("the model cannot be served: %s", error, exc_info=None if known else error)
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(2 * wait_seconds, _LAST_RETRY_SECONDS)


def _loaded(settings: EmbedderSettings, plan: choice.Plan, scheduler: Scheduler) -> LoadedModel:
    spec = registry.load()[settings.embedding_model]
    folder = model_files.located(spec, settings.models_path)
    tokenizer = Tokenizer(spec, folder)
    return LoadedModel(spec, tokenizer, choice.opened(plan, spec, folder, settings.models_path), scheduler)
