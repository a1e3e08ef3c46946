"""Stores to test against: the embedded engine always, a server where one is named, and qdrant-client's local mode."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient
from tests.search import samples

from lorekeep.search.v1 import search_pb2
from lorekeep_search.edge_store import EdgeStore
from lorekeep_search.indexing import Indexer
from lorekeep_search.searching import Searcher
from lorekeep_search.server_store import ServerStore, client
from lorekeep_search.store import VectorStore


class SampleVectors:
    """Stands for the embedder: the vectors of `samples`."""

    async def vector(self, space: search_pb2.IndexSpace, query: str) -> bytes:
        return samples.vector(query, space.dimensions)


class Index:
    """An index with everything above the store."""

    def __init__(self, store: VectorStore) -> None:
        self.store = store
        self.indexer = Indexer(store)
        self.searcher = Searcher(store, SampleVectors())

    async def add(
        self, space: search_pb2.IndexSpace, *chunks: search_pb2.IndexedChunk, epoch: int = 1, **attributes: object
    ) -> None:
        """Prepares, writes and makes visible."""
        fields = [samples.attribute(name, each).field for name, each in attributes.items()]
        await self.indexer.prepare(search_pb2.PrepareRequest(space=space, fields=fields))
        await self.indexer.upsert(samples.upsert(space, chunks, attributes))
        first = chunks[0]
        await self.indexer.stamp(
            samples.stamp(space, first.version_id, collection=first.collection_id, from_epoch=epoch)
        )

    async def texts(self, request: search_pb2.SearchRequest) -> list[str]:
        return samples.texts(await self.searcher.search(request))


async def up(store: EdgeStore) -> EdgeStore:
    """Waits until the engine process answers."""

    async def is_up() -> bool:
        return (await store.health())["status"] == "ok"

    await samples.until(is_up)
    return store


async def _edge(directory: Path) -> VectorStore:
    return await up(await EdgeStore.opened(directory))


async def _memory(directory: Path) -> VectorStore:
    """Proves the server adapter's requests well formed and well meant; it is no backend."""
    return ServerStore(AsyncQdrantClient(":memory:"))


async def _server(directory: Path) -> VectorStore:
    url = os.environ.get("LOREKEEP_TEST_QDRANT_URL")
    if not url:
        pytest.skip("LOREKEEP_TEST_QDRANT_URL is not set")
    return ServerStore(client(url, os.environ.get("LOREKEEP_TEST_QDRANT_API_KEY", "")))


_STORES = {"edge": _edge, "memory": _memory, "server": _server}


@pytest.fixture(params=_STORES)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    store = await _STORES[request.param](tmp_path / "index")
    with samples.calling_as(samples.ORGANISATION):
        yield Index(store)
    await store.close()
