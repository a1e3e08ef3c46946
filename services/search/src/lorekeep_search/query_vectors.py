"""Vectors of queries: from the cache, or from the embedder."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import cache_keys, calls, client_calls, errors, tracing
from lorekeep_search import tenancy

EMBEDDER_SERVICE = "lorekeep.embedder.v1.EmbedderService"
_FLOAT_BYTES = 4
# For callers that set no deadline; a query that takes this long is lost anyway.
_LONGEST_SECONDS = 30.0


class VectorCache(Protocol):
    """Keeps vectors for a while. Losing one, or all, costs time and nothing else."""

    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The bytes under keys, None where there are none or the cache does not answer."""

    async def put_many(self, values: Mapping[str, bytes]) -> bool:
        """Keeps bytes under keys; False where the cache did not take them."""

    async def forget(self, prefix: str) -> int:
        """Removes what is kept under keys that begin so, and counts it; 0 where the cache does not answer."""


class NoCache:
    """Keeps nothing, for where there is no Redis."""

    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        return [None] * len(keys)

    async def put_many(self, values: Mapping[str, bytes]) -> bool:
        return False

    async def forget(self, prefix: str) -> int:
        return 0


class QueryVectors:
    """Embeds queries with the model of their index space."""

    def __init__(self, embedder: embedder_pb2_grpc.EmbedderServiceStub, cache: VectorCache) -> None:
        self._embedder = embedder
        self._cache = cache

    async def vector(self, space: search_pb2.IndexSpace, query: str) -> bytes:
        """The query's vector, little-endian float32.

        Unavailable where the embedder is away; ModelMismatch where it serves another model by that name.
        """
        with tracing.span("embed") as span:
            key, size = _key(space, query), space.dimensions * _FLOAT_BYTES
            (kept,) = await self._cache.get_many([key])
            hit = kept is not None and len(kept) == size
            span.set_attribute("lorekeep.cache_hit", hit)
            if kept is not None and hit:
                return kept
            vector = await self._embedded(space, query)
            if len(vector) != size:
                raise errors.ModelMismatch(
                    f"The embedder's vector has {len(vector) // _FLOAT_BYTES} dimensions and the index space "
                    f"{space.dimensions}. Serve the model that the collection was built with."
                )
            await self._cache.put_many({key: vector})
            return vector

    async def forgotten(self) -> int:
        """Removes all vectors that are kept for the calling organisation, the embedder's too, and counts them."""
        return await self._cache.forget(cache_keys.of_organisation(tenancy.of_call().organisation_id))

    async def _embedded(self, space: search_pb2.IndexSpace, query: str) -> bytes:
        request = embedder_pb2.EmbedRequest(
            model=space.model,
            texts=[query],
            purpose=embedder_pb2.PURPOSE_QUERY,
            truncate=True,
            expected_fingerprint=space.fingerprint,
        )
        with calls.deadline(_LONGEST_SECONDS):
            async with client_calls.translated():
                answer: embedder_pb2.EmbedResponse = await self._embedder.Embed(request)
        return answer.vectors


def _key(space: search_pb2.IndexSpace, query: str) -> str:
    return cache_keys.of_text(calls.current().organisation_id, "search", space.fingerprint, text=query)
