"""Vectors of queries: cached where Redis answers, embedded where it does not."""

from pathlib import Path

import pytest
from tests import redis_server
from tests.search import samples

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import cache_keys, errors
from lorekeep_search.query_vectors import NoCache, QueryVectors

SPACE = samples.space("fp")


class CountingEmbedder:
    """Answers as the embedder's stub does, and counts."""

    def __init__(self, dimensions: int = samples.DIMENSIONS) -> None:
        self.count = 0
        self._dimensions = dimensions

    async def Embed(self, request: embedder_pb2.EmbedRequest) -> embedder_pb2.EmbedResponse:
        self.count += 1
        return embedder_pb2.EmbedResponse(vectors=samples.vector(request.texts[0], self._dimensions))


async def test_a_query_is_embedded_once(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    async with redis_server.running(tmp_path) as server:
        cache = redis_server.cache(server.url)
        vectors = QueryVectors(embedder, cache)  # type: ignore[arg-type]
        with samples.calling_as(samples.ORGANISATION):
            first, second = await vectors.vector(SPACE, "duck"), await vectors.vector(SPACE, "duck")
        assert first == second == samples.vector("duck")
        assert embedder.count == 1
        assert (await cache.health())["status"] == "ok"
        await cache.close()


async def test_organisations_and_models_share_no_cached_vector(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    async with redis_server.running(tmp_path) as server:
        cache = redis_server.cache(server.url)
        vectors = QueryVectors(embedder, cache)  # type: ignore[arg-type]
        for organisation, space in (("one", SPACE), ("two", SPACE), ("one", samples.space("other"))):
            with samples.calling_as(organisation):
                await vectors.vector(space, "duck")
        assert embedder.count == 3
        await cache.close()


async def test_redis_that_dies_costs_time_and_nothing_else(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    async with redis_server.running(tmp_path) as server:
        cache = redis_server.cache(server.url)
        vectors = QueryVectors(embedder, cache)  # type: ignore[arg-type]
        with samples.calling_as(samples.ORGANISATION):
            await vectors.vector(SPACE, "duck")
    with samples.calling_as(samples.ORGANISATION):
        assert await vectors.vector(SPACE, "duck") == samples.vector("duck")
    assert embedder.count == 2
    assert (await cache.health())["status"] == "degraded"
    await cache.close()


async def test_an_organisation_is_forgotten_and_no_other(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    async with redis_server.running(tmp_path) as server:
        cache = redis_server.cache(server.url)
        vectors = QueryVectors(embedder, cache)  # type: ignore[arg-type]
        for organisation in ("one", "on", "*"):
            with samples.calling_as(organisation):
                for query in ("duck", "goose"):
                    await vectors.vector(SPACE, query)
        for organisation, count in (("*", 2), ("one", 2), ("one", 0)):
            with samples.calling_as(organisation):
                assert await vectors.forgotten() == count
        with samples.calling_as("on"):
            await vectors.vector(SPACE, "duck")
        assert embedder.count == 6
        with samples.calling_as(" "), pytest.raises(errors.PermissionDenied):
            await vectors.forgotten()
    with samples.calling_as("on"):
        assert await vectors.forgotten() == 0
    await cache.close()


async def test_what_the_embedder_keeps_of_an_organisation_is_forgotten_too(tmp_path: Path) -> None:
    async with redis_server.running(tmp_path) as server:
        cache = redis_server.cache(server.url)
        keys = {each: cache_keys.of_text(each, "embedder", "fp", "passage", text="duck") for each in ("one", "one:x")}
        await cache.put_many(dict.fromkeys(keys.values(), b"vector"))
        with samples.calling_as("one"):
            assert await QueryVectors(CountingEmbedder(), cache).forgotten() == 1  # type: ignore[arg-type]
        assert await cache.get_many([keys["one"], keys["one:x"]]) == [None, b"vector"]
        await cache.close()


async def test_a_vector_of_other_dimensions_is_a_mismatch() -> None:
    vectors = QueryVectors(CountingEmbedder(8), NoCache())  # type: ignore[arg-type]
    with samples.calling_as(samples.ORGANISATION), pytest.raises(errors.ModelMismatch):
        await vectors.vector(SPACE, "duck")
