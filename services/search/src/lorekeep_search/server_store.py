"""A Qdrant server behind the port, through qdrant-client over gRPC."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import grpc
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, errors, logs
from lorekeep_chassis.probes import Component
from lorekeep_search import server_requests, spaces
from lorekeep_search.gate import Gate
from lorekeep_search.store import Candidate, LegResult, Legs, Payload, Point, standing
from lorekeep_search.tenancy import Within

_LOG = logs.logger(__name__)
_CALLS = 256
_HEALTH_SECONDS = 2.0
_LONGEST_SECONDS = 60.0
_HTTP_PORT = 6333
_EPOCHS = ["from_epoch", "to_epoch"]


def client(url: str, api_key: str) -> AsyncQdrantClient:
    """A client of the server at `url`, over gRPC on the port above the URL's. Connects with the first call."""
    port = urlsplit(url).port or _HTTP_PORT
    return AsyncQdrantClient(
        url=url, port=port, grpc_port=port + 1, prefer_grpc=True, api_key=api_key or None, check_compatibility=False
    )


class ServerStore:
    """Qdrant's server: one collection an index space."""

    def __init__(self, qdrant: AsyncQdrantClient) -> None:
        self._qdrant = qdrant
        self._gate = Gate(_CALLS)
        self._facts: dict[str, spaces.Facts] = {}

    async def prepare(self, space: search_pb2.IndexSpace, indexes: Mapping[str, str]) -> None:
        name = spaces.name(space)
        async with self._calling():
            if not await self._qdrant.collection_exists(name):
                await self._create(name, space)
            await self._agree(space)
            known = (await self._qdrant.get_collection(name)).payload_schema
            for key, kind in indexes.items():
                if key not in known and key.replace('"', "") not in known:
                    await self._qdrant.create_payload_index(name, key, server_requests.index(kind), wait=True)

    async def upsert(self, space: search_pb2.IndexSpace, within: Within, points: Sequence[Point]) -> None:
        if any(each.payload["organisation_id"] != within.organisation_id for each in points):
            raise errors.Internal
        name = spaces.name(space)
        async with self._calling():
            await self._agree(space)
            found = await self._qdrant.retrieve(name, [each.point_id for each in points], with_payload=_EPOCHS)
            kept = {str(each.id): each.payload for each in found if standing(each.payload or {})}
            structs = [server_requests.point(each, kept.get(each.point_id) or {}) for each in points]
            await self._qdrant.upsert(name, structs, wait=True)

    async def stamp(self, space: search_pb2.IndexSpace, within: Within, epochs: Mapping[str, int]) -> None:
        async with self._reading(space) as name:
            if name:
                await self._qdrant.set_payload(name, dict(epochs), server_requests.filter_of(within), wait=True)

    async def remove(self, space: search_pb2.IndexSpace, within: Within) -> int:
        async with self._reading(space) as name:
            if not name:
                return 0
            selected = server_requests.filter_of(within)
            counted = await self._qdrant.count(name, selected, exact=True)
            await self._qdrant.delete(name, selected, wait=True)
            return int(counted.count)

    async def listed(self, space: search_pb2.IndexSpace, within: Within, limit: int) -> list[Payload]:
        async with self._reading(space) as name:
            if not name:
                return []
            found, _ = await self._qdrant.scroll(
                name,
                server_requests.filter_of(within),
                limit,
                models.OrderBy(key="ordinal", direction=models.Direction.ASC),
                with_payload=True,
            )
            return [each.payload or {} for each in found]

    async def count(self, space: search_pb2.IndexSpace, within: Within) -> int:
        async with self._reading(space) as name:
            if not name:
                return 0
            return int((await self._qdrant.count(name, server_requests.filter_of(within), exact=True)).count)

    async def scanned(
        self, space: search_pb2.IndexSpace, within: Within, keys: Sequence[str]
    ) -> AsyncIterator[list[Payload]]:
        further: Any = None
        while True:
            async with self._reading(space) as name:
                if not name:
                    return
                found, further = await self._qdrant.scroll(name, **server_requests.portion(within, keys, further))
            yield [each.payload or {} for each in found]
            if further is None:
                return

    async def query(self, space: search_pb2.IndexSpace, legs: Legs) -> list[LegResult]:
        asked = server_requests.queries(legs)
        async with self._reading(space) as name:
            if not name:
                return [LegResult(str(each.using), [], 0.0) for each in asked]
            begin = perf_counter()
            answers = await self._qdrant.query_batch_points(name, asked, timeout=_whole_seconds())
            # The server tells no times of the single queries of a batch; they run side by side.
            duration_ms = (perf_counter() - begin) * 1000
        return [
            LegResult(str(each.using), [_candidate(point) for point in answer.points], duration_ms)
            for each, answer in zip(asked, answers, strict=True)
        ]

    async def fetch(self, space: search_pb2.IndexSpace, within: Within, ids: Sequence[str]) -> dict[str, Payload]:
        async with self._reading(space) as name:
            if not name:
                return {}
            found = await self._qdrant.retrieve(name, list(ids), with_payload=True)
        payloads = {str(each.id): each.payload or {} for each in found}
        return {key: each for key, each in payloads.items() if each.get("organisation_id") == within.organisation_id}

    async def health(self) -> Component:
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                await self._qdrant.get_collections()
        except (TimeoutError, grpc.RpcError, ResponseHandlingException, UnexpectedResponse) as error:
            return {"status": "failed", "detail": f"Qdrant does not answer ({type(error).__name__})"}
        return {"status": "ok", "detail": "Qdrant server"}

    async def close(self) -> None:
        await self._qdrant.close()

    async def _create(self, name: str, space: search_pb2.IndexSpace) -> None:
        """Another instance may have been quicker, which `_agree` then checks."""
        try:
            await self._qdrant.create_collection(name, **server_requests.collection(space))
        except (grpc.RpcError, UnexpectedResponse, ValueError):
            if not await self._qdrant.collection_exists(name):
                raise

    async def _agree(self, space: search_pb2.IndexSpace) -> None:
        name = spaces.name(space)
        if name not in self._facts:
            if not await self._qdrant.collection_exists(name):
                raise spaces.unknown()
            config: Any = (await self._qdrant.get_collection(name)).config
            self._facts[name] = dict(config.metadata or {})
        spaces.agree(space, self._facts[name])

    @asynccontextmanager
    async def _reading(self, space: search_pb2.IndexSpace) -> AsyncIterator[str]:
        """The collection's name, or an empty one where the space was never prepared."""
        async with self._calling():
            try:
                await self._agree(space)
            except errors.NotFound:
                yield ""
            else:
                yield spaces.name(space)

    @asynccontextmanager
    async def _calling(self) -> AsyncIterator[None]:
        """Bounds calls in number and time, and turns the client's errors into the house's."""
        try:
            with self._gate.entered():
                async with asyncio.timeout(_seconds()):
                    yield
        except TimeoutError:
            raise errors.DeadlineExceeded("The index did not answer in time. Try again, or ask for less.") from None
        except (grpc.RpcError, ResponseHandlingException, UnexpectedResponse) as error:
            if _code(error) == "NOT_FOUND":
                # The collection was removed behind our back: what was known of it holds no more.
                self._facts.clear()
                raise spaces.unknown() from None
            raise _translated(error) from None


def _candidate(point: models.ScoredPoint) -> Candidate:
    payload = point.payload or {}
    return Candidate(str(point.id), payload["chunk_id"], payload["document_id"], point.score)


def _seconds() -> float:
    left = calls.remaining_seconds()
    return _LONGEST_SECONDS if left is None else min(left, _LONGEST_SECONDS)


def _whole_seconds() -> int:
    return max(1, math.ceil(_seconds()))


def _translated(error: Exception) -> errors.LorekeepError:
    _LOG.warning("Qdrant failed", extra={"lorekeep": {"error": type(error).__name__, "code": _code(error)}})
    if _code(error) in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED", "ABORTED", ""):
        return errors.Unavailable("The index does not answer. Try again shortly.", retry_after_seconds=1.0)
    return errors.Internal()


def _code(error: Exception) -> str:
    return error.code().name if isinstance(error, grpc.aio.AioRpcError) else ""
