"""Vectors of a request: hits are not computed, misses are, and no organisation meets another's."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import cache_keys, calls
from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder.backends.seam import Outputs
from lorekeep_embedder.caching.kept_vector import KeptVector
from lorekeep_embedder.caching.vector_cache import Cached
from lorekeep_embedder.caching.vector_writes import VectorWrites
from lorekeep_embedder.models.loaded_model import Computed
from tests import redis_server

DIMENSIONS, WINDOW = 4, 5
PASSAGE, QUERY = embedder_pb2.PURPOSE_PASSAGE, embedder_pb2.PURPOSE_QUERY


class CountingModel:
    """Words are tokens. A vector is (words, characters, 0, 0) of what the window leaves of a text."""

    def __init__(self, fingerprint: str = "fp") -> None:
        self.spec = SimpleNamespace(dimensions=DIMENSIONS)
        self.description = SimpleNamespace(fingerprint=fingerprint)
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str], *, truncate: bool, sparse_beside: int | None = None) -> Computed:
        cut = [index for index, text in enumerate(texts) if len(text.split()) > WINDOW]
        if cut and not truncate:
            raise InvalidInput("long", reason="text_too_long", field=f"texts[{cut[0]}]")
        self.texts += texts
        words = [text.split()[:WINDOW] for text in texts]
        vectors = np.array([[len(each), len(" ".join(each)), 0, 0] for each in words], np.float32)
        return Computed(Outputs(vectors), [len(each) for each in words], frozenset(cut))


class Caller:
    """Embeds over a Redis, and waits until what was made is kept."""

    def __init__(self, keeper: Any, *lanes: Lane) -> None:
        self.writes = VectorWrites(keeper)
        self._cached = Cached(keeper, self.writes, frozenset(lanes or (Lane.INTERACTIVE,)))

    async def embed(
        self,
        model: CountingModel,
        *texts: str,
        organisation: str = "org_a",
        lane: Lane = Lane.INTERACTIVE,
        purpose: embedder_pb2.Purpose = PASSAGE,
        **fields: Any,
    ) -> Computed:
        request = embedder_pb2.EmbedRequest(texts=texts, purpose=purpose, **fields)
        with calls.calling_as(calls.CallContext(organisation, "col", "key", lane)):
            made = await self._cached.embedded(model, request, texts)  # type: ignore[arg-type]
        await redis_server.until(self._settled)
        return made

    async def _settled(self) -> bool:
        return self.writes.waiting_bytes == 0


@asynccontextmanager
async def caller(directory: Path, *lanes: Lane) -> AsyncIterator[tuple[Caller, redis_server.RedisServer]]:
    async with redis_server.running(directory) as server:
        cache = redis_server.cache(server.url)
        calling = Caller(cache, *lanes)
        writing = asyncio.create_task(calling.writes.run())
        try:
            yield calling, server
        finally:
            writing.cancel()
            await cache.close()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"embedding_cache_{name}_total", labels) or 0.0


async def test_of_a_request_with_hits_only_the_misses_are_computed(tmp_path: Path) -> None:
    model, alone = CountingModel(), CountingModel()
    async with caller(tmp_path) as (calling, _):
        before = counted("hits", lane="interactive"), counted("misses", lane="interactive"), counted("stored")
        await calling.embed(model, "one", "three three three")
        texts = ("two two", "three three three", "a b c d", "one")
        mixed = await calling.embed(model, *texts)
        expected = await alone.embed(texts, truncate=False)
        assert model.texts == ["one", "three three three", "two two", "a b c d"]
        assert np.array_equal(mixed.outputs.vectors, expected.outputs.vectors)
        assert (mixed.token_count, mixed.truncated_count) == (2 + 3 + 4 + 1, 0)
        whole = await calling.embed(model, *texts)
        assert len(model.texts) == 4
        assert np.array_equal(whole.outputs.vectors, expected.outputs.vectors)
        after = counted("hits", lane="interactive"), counted("misses", lane="interactive"), counted("stored")
        assert np.subtract(after, before).tolist() == [6, 4, 4]


async def test_nothing_is_shared_between_organisations_purposes_and_models(tmp_path: Path) -> None:
    model, other = CountingModel(), CountingModel("another")
    async with caller(tmp_path) as (calling, _):
        for organisation in ("org_a", "org_b", "org_b"):
            await calling.embed(model, "one", organisation=organisation)
        assert model.texts == ["one"] * 2
        await calling.embed(model, "one", purpose=QUERY)
        assert model.texts == ["one"] * 3
        await calling.embed(other, "one")
        assert other.texts == ["one"]


async def test_a_removed_organisation_leaves_nothing(tmp_path: Path) -> None:
    model = CountingModel()
    async with caller(tmp_path) as (calling, server):
        for organisation in ("org_a", "org_b"):
            await calling.embed(model, "one", organisation=organisation)
        cache = redis_server.cache(server.url)
        assert await cache.forget(cache_keys.of_organisation("org_a")) == 1
        await cache.close()
        redis: Redis = Redis.from_url(server.url)
        (left,) = await redis.keys()
        assert left.decode().startswith(cache_keys.of_organisation("org_b"))
        assert b"one" not in left
        await redis.aclose()


@pytest.mark.parametrize(
    ("lanes", "fields", "computed"),
    [
        ((Lane.INTERACTIVE,), {"lane": Lane.BULK}, 2),
        ((Lane.INTERACTIVE, Lane.BULK), {"lane": Lane.BULK}, 1),
        ((Lane.INTERACTIVE,), {"sparse": True}, 2),
        ((Lane.INTERACTIVE,), {"organisation": ""}, 2),
        ((Lane.INTERACTIVE,), {"dimensions": 2}, 1),
    ],
)
async def test_who_is_looked_up(tmp_path: Path, lanes: Sequence[Lane], fields: dict[str, Any], computed: int) -> None:
    model = CountingModel()
    async with caller(tmp_path, *lanes) as (calling, _):
        for _ in range(2):
            made = await calling.embed(model, "one", **fields)
            assert made.outputs.vectors.shape == (1, DIMENSIONS)
    assert len(model.texts) == computed


async def test_a_cut_text_is_given_to_those_alone_who_let_texts_be_cut(tmp_path: Path) -> None:
    model, long = CountingModel(), "a b c d e f g"
    async with caller(tmp_path) as (calling, _):
        first = await calling.embed(model, "one", long, "two two", truncate=True)
        again = await calling.embed(model, long, "one", truncate=True)
        assert len(model.texts) == 3
        assert (first.truncated, again.truncated) == (frozenset({1}), frozenset({0}))
        assert again.token_count == WINDOW + 1
        with pytest.raises(InvalidInput) as error:
            await calling.embed(model, "one", "new", long)
        assert (error.value.reason, error.value.field) == ("text_too_long", "texts[2]")
        assert (await calling.embed(model, "one")).truncated_count == 0


async def test_what_is_no_vector_of_this_model_is_computed_and_written_anew(tmp_path: Path) -> None:
    async with caller(tmp_path) as (calling, server):
        redis: Redis = Redis.from_url(server.url)
        await calling.embed(CountingModel(), "one")
        (key,) = await redis.keys()
        good = await redis.get(key)
        other_size = KeptVector(np.ones(DIMENSIONS + 1, np.float32), 1, False).packed()
        for garbage in (b"", b"garbage", good[:-1], good + b"\0", b"\xff" + good[1:], other_size):
            await redis.set(key, garbage)
            model = CountingModel()
            made = await calling.embed(model, "one")
            assert (model.texts, made.outputs.vectors[0].tolist()) == (["one"], [1, 3, 0, 0])
            assert await redis.get(key) == good
        await redis.aclose()


async def test_a_redis_that_is_killed_costs_no_answer(tmp_path: Path) -> None:
    model = CountingModel()
    async with caller(tmp_path) as (calling, server):
        await calling.embed(model, "one")
        await server.kill()
        dropped = counted("dropped")
        for _ in range(3):
            made = await calling.embed(model, "one", "two two")
            assert made.token_count == 3
        assert model.texts == ["one", *["one", "two two"] * 3]
        assert counted("dropped") - dropped == 6
        await server.start()

        async def hit() -> bool:
            before = len(model.texts)
            await calling.embed(model, "one")
            return len(model.texts) == before

        await redis_server.until(hit)


class StuckKeeper:
    """Knows nothing, and never ends taking what it is given."""

    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        return [None] * len(keys)

    async def put_many(self, values: Mapping[str, bytes]) -> bool:
        await asyncio.Event().wait()
        return False


async def test_answers_wait_for_no_write_and_what_is_too_much_is_dropped() -> None:
    writes = VectorWrites(StuckKeeper(), most_bytes=1000)
    writing = asyncio.create_task(writes.run())
    vector, dropped = KeptVector(np.zeros(25, np.float32), 1, False), counted("dropped")
    for _ in range(9):
        writes.add([("key", vector), ("key", vector)])
        await asyncio.sleep(0)
    assert counted("dropped") - dropped == 2 * 4
    assert writes.waiting_bytes == 1000
    writing.cancel()
