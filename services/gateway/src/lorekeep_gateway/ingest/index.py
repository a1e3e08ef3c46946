"""What the ingest role asks of search: a ready index space, chunks in, epochs stamped, chunks out."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID, uuid5

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep.search.v1 import search_pb2
from lorekeep.search.v1.search_pb2_grpc import SearchServiceStub
from lorekeep_chassis import calls, client_calls, errors
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.settings import IngestSettings

_CHUNK_NAMES = UUID("6f1c7f0e-51f3-5d0c-9a52-0d6a4c8f2b11")
_LOCKED_SECONDS = 10.0
_LISTED_AT_ONCE = 64

Answer = TypeVar("Answer")


class Index:
    """Search, waited for where it is down. All of it is idempotent."""

    def __init__(self, stub: SearchServiceStub, settings: IngestSettings) -> None:
        self._stub = stub
        self._settings = settings
        self._prepared: dict[bytes, search_pb2.PrepareRequest] = {}

    async def prepare(self, space: search_pb2.IndexSpace, fields: Sequence[search_pb2.Field]) -> None:
        """Makes the index space and the indexes of declared fields ready; asked once, and again where it was lost."""
        request = search_pb2.PrepareRequest(space=space, fields=fields)
        wanted = request.SerializeToString(deterministic=True)
        if wanted not in self._prepared:
            await self._asked(lambda: self._stub.Prepare(request))
            self._prepared[wanted] = request

    async def upsert(self, request: search_pb2.UpsertRequest, require_lease: Callable[[], float]) -> None:
        """Writes chunks, invisible. `require_lease` gives the seconds for which the job is surely ours; nothing is sent
        behind them, so that a worker that was paused cannot overwrite what its successor made visible."""

        async def sent() -> search_pb2.UpsertResponse:
            with calls.deadline(require_lease()):
                try:
                    async with client_calls.translated():
                        answer: search_pb2.UpsertResponse = await self._stub.Upsert(request)
                except errors.NotFound as error:
                    await self._prepare_again(request.space)
                    raise errors.Unavailable("The index was lost. It is made again.", reason=error.reason) from error
            return answer

        answer = await self._asked(sent)
        if answer.chunk_count != len(request.chunks):
            raise errors.Internal

    async def _prepare_again(self, space: search_pb2.IndexSpace) -> None:
        for each in self._prepared.values():
            if each.space == space:
                await self._stub.Prepare(each)

    async def stamp(self, request: search_pb2.StampRequest) -> None:
        """Stamps epochs on versions."""
        await self._asked(lambda: self._stub.Stamp(request))

    async def stamp_now(self, request: search_pb2.StampRequest) -> None:
        """Stamps, asking once and for a short time: for callers that hold a lock."""
        with calls.deadline(_LOCKED_SECONDS):
            await self._stub.Stamp(request)

    async def chunk_ids(self, scope: search_pb2.Scope) -> AsyncIterator[str]:
        """The ids of a version's chunks, visible or not, in order."""
        request = search_pb2.ListChunksRequest(scope=scope, limit=_LISTED_AT_ONCE)
        while True:
            answer = await self._asked(lambda: self._stub.ListChunks(request))
            for each in answer.chunks:
                yield each.chunk_id
            if len(answer.chunks) < _LISTED_AT_ONCE:
                return
            request.from_ordinal = answer.chunks[-1].chunk.ordinal + 1

    async def remove(self, scope: search_pb2.Scope) -> int:
        """Removes chunks; gives how many. Not waited for: whoever removes tries again later."""
        with calls.deadline(self._settings.stage_deadline_seconds):
            answer: search_pb2.RemoveResponse = await self._stub.Remove(search_pb2.RemoveRequest(scope=scope))
        return answer.chunk_count

    async def _asked(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        async def bounded() -> Answer:
            with calls.deadline(self._settings.stage_deadline_seconds):
                return await call()

        return await patiently(bounded, self._settings.retry_seconds)


def space_of(generation: Mapping[str, Any]) -> search_pb2.IndexSpace:
    """The index space of a generation's row."""
    return search_pb2.IndexSpace(
        model=generation["model"],
        fingerprint=generation["fingerprint"],
        dimensions=generation["dimensions"],
        distance=generation["distance"],
    )


def chunk_id(generation_id: str, version_id: str, chunk: Chunk) -> str:
    """The same for the same passage at the same place, so that a repeat overwrites itself."""
    text_hash = hashlib.sha256(chunk.text.encode()).hexdigest()
    return str(uuid5(_CHUNK_NAMES, f"{generation_id}/{version_id}/{chunk.ordinal}/{text_hash}"))
