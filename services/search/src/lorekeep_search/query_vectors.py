"""Vectors of queries: from the cache, or from the embedder."""

from hashlib import sha256
from typing import Protocol

from lorekeep.embedder.v1 import embedder_pb2, embedder_pb2_grpc
from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, client_calls, errors, tracing
from lorekeep_search import tenancy

EMBEDDER_SERVICE = "lorekeep.embedder.v1.EmbedderService"
_FLOAT_BYTES = 4
# For callers that set no deadline; a query that takes this long is lost anyway.
_LONGEST_SECONDS = 30.0


class VectorCache(Protocol):
    """Keeps vectors for a while. Losing one, or all, costs time and nothing else."""

    async def get(self, key: str) -> bytes | None:
        """The bytes under a key, None where there are none or the cache does not answer."""

    async def put(self, key: str, vector: bytes) -> None:
        """Keeps bytes under a key."""

    async def forget(self, prefix: str) -> int:
        """Removes what is kept under keys that begin so, and counts it; 0 where the cache does not answer."""


class NoCache:
    """Keeps nothing, for where there is no Redis."""

    async def get(self, key: str) -> bytes | None:
        return None

    async def put(self, key: str, vector: bytes) -> None:
        """Forgets it."""

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
            kept = await self._cache.get(key)
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
            await self._cache.put(key, vector)
            return vector

    async def forgotten(self) -> int:
        """Removes all that is kept for the calling organisation, and counts it."""
        return await self._cache.forget(_prefix(tenancy.of_call().organisation_id))

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
    digest = sha256(query.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_prefix(calls.current().organisation_id)}{space.fingerprint}:{digest}"


def _prefix(organisation_id: str) -> str:
    return f"lorekeep:qvec:{organisation_id}:"
