"""The embedder's life: listen, load, warm up, serve, drain."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from lorekeep.embedder.v1 import embedder_pb2_grpc
from lorekeep_chassis import logs
from lorekeep_chassis.errors import LorekeepError
from lorekeep_chassis.grpc_server import GrpcServer
from lorekeep_chassis.process import Life
from lorekeep_embedder.backends import choice
from lorekeep_embedder.caching import vector_cache
from lorekeep_embedder.models.loaded_model import LoadedModel
from lorekeep_embedder.models.shelf import Shelf
from lorekeep_embedder.models.stock import Stock
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.servicer import SERVICE, EmbedderServicer
from lorekeep_embedder.settings import EmbedderSettings

_LOG = logs.logger(__name__)
_MEBIBYTE = 1024 * 1024
# Objects made before the collector looks at them. A request makes about 100 that it looks at, and none of them need it.
_COLLECTED_AT = 10_000
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 1.0, 30.0


@asynccontextmanager
async def serve(settings: EmbedderSettings, life: Life) -> AsyncIterator[None]:
    """Listens, and serves once the default model is warm; on the way out finishes what was taken."""
    plan = await asyncio.to_thread(choice.planned, settings)
    scheduler = Scheduler(plan.sessions, batch_tokens=settings.batch_tokens)
    shelf = Shelf(
        Stock(settings, plan, scheduler),
        settings.embedding_model,
        memory_bytes=settings.models_memory_mb * _MEBIBYTE,
    )

    async with vector_cache.opened(settings, life.health) as vectors:
        servicer = EmbedderServicer(shelf, settings.rerank_model, vectors)

        def add(server: grpc.aio.Server) -> None:
            embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(servicer, server)

        address = f"{settings.host}:{settings.grpc_port}"
        server = GrpcServer(address, settings.embedder_token.get_secret_value(), [SERVICE], add)
        await server.start()
        _LOG.info("embedder listening", extra={"lorekeep": {"grpc_port": server.port}})
        async with asyncio.TaskGroup() as tasks:
            computing = tasks.create_task(_compute(shelf, scheduler, life, server))
            try:
                yield
            finally:
                await server.drain(settings.drain_seconds)
                computing.cancel()


async def _compute(shelf: Shelf[LoadedModel], scheduler: Scheduler, life: Life, server: GrpcServer) -> None:
    try:
        model = (await _opened_in_the_end(shelf, life)).description
        detail = f"{model.name} on {model.backend}, {model.device}, in {model.precision}"
        life.health.report({"model": {"status": "ok", "detail": detail}})
        await server.set_serving(True)
        _spare_the_collector()
        _LOG.info("model ready: %s", detail, extra={"lorekeep": {"fingerprint": model.fingerprint}})
        await scheduler.run()
    finally:
        shelf.close()


def _spare_the_collector() -> None:
    """What the start made stays, and is not looked at again: some 6 % of the event loop's time went to that."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AT)


async def _opened_in_the_end(shelf: Shelf[LoadedModel], life: Life) -> LoadedModel:
    """Tries until the default model is there: not ready meanwhile, with the reason, and never a crash loop."""
    wait_seconds = _FIRST_RETRY_SECONDS
    while True:
        try:
            return await shelf.open()
        except Exception as error:  # noqa: BLE001 - runtimes raise what they like; the probe and the log say it
            known = isinstance(error, LorekeepError)
            life.health.report({"model": {"status": "failed", "detail": str(error)}})
            _LOG.error("the model cannot be served: %s", error, exc_info=None if known else error)
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(2 * wait_seconds, _LAST_RETRY_SECONDS)
