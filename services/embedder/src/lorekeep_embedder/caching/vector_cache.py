"""Vectors of a request's texts: kept ones from Redis, the others computed, and those kept after the answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import cache_keys, calls
from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import InvalidInput
from lorekeep_chassis.probes import Component, Health
from lorekeep_embedder import metrics
from lorekeep_embedder.answering.embed_request import dimensions_of
from lorekeep_embedder.backends.seam import Outputs
from lorekeep_embedder.caching import kept_vector
from lorekeep_embedder.caching.kept_vector import KeptVector
from lorekeep_embedder.caching.vector_writes import Keeper, VectorWrites
from lorekeep_embedder.models.loaded_model import Computed, LoadedModel
from lorekeep_embedder.settings import EmbedderSettings

_WATCH_SECONDS = 5.0
_LANES = {"interactive": frozenset({Lane.INTERACTIVE}), "all": frozenset(Lane)}


class Vectors(Protocol):
    """Where a request's vectors come from."""

    def embedded(
        self, model: LoadedModel, request: embedder_pb2.EmbedRequest, texts: Sequence[str]
    ) -> Awaitable[Computed]:
        """What the model makes of a request for the running call. `texts` are the request's with their prompts."""


class Uncached:
    """Every text is computed."""

    def embedded(
        self, model: LoadedModel, request: embedder_pb2.EmbedRequest, texts: Sequence[str]
    ) -> Awaitable[Computed]:
        sparse_beside = dimensions_of(request, model.spec) if request.sparse else None
        return model.embed(texts, truncate=request.truncate, sparse_beside=sparse_beside)


class Cached:
    """Looks texts up first, each organisation among its own alone, for the calls of some lanes.

    A hit is not admitted, tokenised or computed. Vectors are kept whole, so sparse ones are not asked for here.
    """

    def __init__(self, keeper: Keeper, writes: VectorWrites, lanes: frozenset[Lane]) -> None:
        self._keeper = keeper
        self._writes = writes
        self._lanes = lanes
        self._uncached = Uncached()

    def embedded(
        self, model: LoadedModel, request: embedder_pb2.EmbedRequest, texts: Sequence[str]
    ) -> Awaitable[Computed]:
        call = calls.current()
        if request.sparse or call.lane not in self._lanes or not call.organisation_id:
            return self._uncached.embedded(model, request, texts)
        return self._looked_up(model, request, _Texts(texts, _keys(call.organisation_id, model, request, texts)))

    async def _looked_up(self, model: LoadedModel, request: embedder_pb2.EmbedRequest, texts: "_Texts") -> Computed:
        kept = await self._kept(model, texts, truncate=request.truncate)
        missing = [place for place, each in enumerate(kept) if each is None]
        lane = calls.current().lane
        metrics.CACHE_HITS.labels(lane).inc(len(kept) - len(missing))
        metrics.CACHE_MISSES.labels(lane).inc(len(missing))
        if missing:
            made = _parted(await _computed(model, texts.texts, missing, truncate=request.truncate))
            self._writes.add([(texts.keys[place], each) for place, each in zip(missing, made, strict=True)])
            for place, each in zip(missing, made, strict=True):
                kept[place] = each
        return _joined([each for each in kept if each is not None])

    async def _kept(self, model: LoadedModel, texts: "_Texts", *, truncate: bool) -> list[KeptVector | None]:
        """What is kept of each text and may be given: the vector of a cut text only to those who let texts be cut."""
        values = await self._keeper.get_many(texts.keys)
        found = [kept_vector.unpacked(value, model.spec.dimensions) if value else None for value in values]
        return [each if each and (truncate or not each.truncated) else None for each in found]


@dataclass(frozen=True)
class _Texts:
    texts: Sequence[str]
    keys: Sequence[str]


def _keys(
    organisation_id: str, model: LoadedModel, request: embedder_pb2.EmbedRequest, texts: Sequence[str]
) -> list[str]:
    purpose = embedder_pb2.Purpose.Name(request.purpose).removeprefix("PURPOSE_").lower()
    facts = ("embedder", model.description.fingerprint, purpose)
    return [cache_keys.of_text(organisation_id, *facts, text=text) for text in texts]


async def _computed(model: LoadedModel, texts: Sequence[str], missing: Sequence[int], *, truncate: bool) -> Computed:
    try:
        return await model.embed([texts[place] for place in missing], truncate=truncate)
    except InvalidInput:
        # It numbers the texts that it was given; given all of them, it names the one that the caller sent.
        await model.embed(texts, truncate=truncate)
        raise


def _parted(made: Computed) -> list[KeptVector]:
    rows = enumerate(zip(made.outputs.vectors, made.token_counts, strict=True))
    return [KeptVector(vector, tokens, place in made.truncated) for place, (vector, tokens) in rows]


def _joined(kept: Sequence[KeptVector]) -> Computed:
    truncated = frozenset(place for place, each in enumerate(kept) if each.truncated)
    return Computed(Outputs(np.stack([each.vector for each in kept])), [each.token_count for each in kept], truncated)


@asynccontextmanager
async def opened(settings: EmbedderSettings, health: Health) -> AsyncIterator[Vectors]:
    """Vectors by what the settings say. While it is entered, those that were made are kept, and health knows Redis."""
    if not settings.redis_url or settings.vector_cache == "off":
        yield Uncached()
        return
    # Redis's package costs memory and time at the start, which are not spent where there is no Redis.
    from lorekeep_chassis.redis_cache import RedisCache

    url, seconds = settings.redis_url.get_secret_value(), settings.vector_cache_seconds
    cache = RedisCache(url, kept_seconds=seconds, purpose="vector cache")
    writes = VectorWrites(cache)
    beside = [asyncio.create_task(each) for each in (writes.run(), _watched(cache.health, health))]
    try:
        yield Cached(cache, writes, _LANES[settings.vector_cache])
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await cache.close()


async def _watched(ask: Callable[[], Awaitable[Component]], health: Health) -> None:
    while True:
        health.report_losable("redis", await ask())
        await asyncio.sleep(_WATCH_SECONDS)
