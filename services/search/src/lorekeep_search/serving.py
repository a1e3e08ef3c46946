"""The search role: what it acquires, and how it lets go of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from lorekeep.embedder.v1 import embedder_pb2_grpc
from lorekeep.search.v1 import search_pb2_grpc
from lorekeep_chassis import channels, logs
from lorekeep_chassis.grpc_server import GrpcServer
from lorekeep_chassis.process import Life
from lorekeep_search.indexing import Indexer
from lorekeep_search.query_vectors import EMBEDDER_SERVICE, NoCache, QueryVectors, VectorCache
from lorekeep_search.readiness import Check, EmbedderHealth, Readiness
from lorekeep_search.searching import Searcher
from lorekeep_search.service import SERVICE, SearchServicer
from lorekeep_search.settings import SearchSettings
from lorekeep_search.store import VectorStore

_LOG = logs.logger(__name__)
_QUERY_KEPT_SECONDS = 2 * 60 * 60


@asynccontextmanager
async def serve(settings: SearchSettings, life: Life) -> AsyncIterator[None]:
    """Serves while it is entered; drains the calls under way before it closes the index."""
    async with AsyncExitStack() as stack:
        store = await _store(settings)
        stack.push_async_callback(store.close)
        checks: dict[str, Check] = {"index": store.health}
        query_vectors = await _query_vectors(settings, stack, checks)
        servicer = SearchServicer(Searcher(store, query_vectors), Indexer(store), query_vectors)
        server = GrpcServer(
            f"{settings.host}:{settings.grpc_port}",
            settings.search_token.get_secret_value(),
            [SERVICE],
            lambda each: search_pb2_grpc.add_SearchServiceServicer_to_server(servicer, each),
        )
        await server.start()
        stack.push_async_callback(server.drain, settings.drain_seconds)
        await stack.enter_async_context(_watching(Readiness(life.health, server, checks)))
        _LOG.info("search listens", extra={"lorekeep": {"grpc_port": server.port}})
        yield


async def _store(settings: SearchSettings) -> VectorStore:
    """Only the adapter that serves is imported: each brings its engine along."""
    if settings.qdrant_url:
        from lorekeep_search import server_store

        key = settings.qdrant_api_key.get_secret_value()
        return server_store.ServerStore(server_store.client(settings.qdrant_url, key))
    from lorekeep_search.edge_store import EdgeStore

    return await EdgeStore.opened(settings.index_path)


async def _query_vectors(settings: SearchSettings, stack: AsyncExitStack, checks: dict[str, Check]) -> QueryVectors:
    target = settings.embedder_target
    channel = channels.open_channel(target, settings.embedder_token.get_secret_value(), retried=[EMBEDDER_SERVICE])
    stack.push_async_callback(channel.close, None)
    embedder = EmbedderHealth(target)
    stack.push_async_callback(embedder.close)
    checks["embedder"] = embedder.health
    cache = _cache(settings, stack, checks)
    return QueryVectors(embedder_pb2_grpc.EmbedderServiceStub(channel), cache)


def _cache(settings: SearchSettings, stack: AsyncExitStack, checks: dict[str, Check]) -> VectorCache:
    if not settings.redis_url:
        return NoCache()
    from lorekeep_chassis.redis_cache import RedisCache

    url = settings.redis_url.get_secret_value()
    cache = RedisCache(url, kept_seconds=_QUERY_KEPT_SECONDS, purpose="query cache")
    stack.push_async_callback(cache.close)
    checks["redis"] = cache.health
    return cache


@asynccontextmanager
async def _watching(readiness: Readiness) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(readiness.watch())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
