"""The last two stages of a document's pipeline: chunks become vectors, and both become points of the index."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep.search.v1 import search_pb2
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.artefacts import Mark
from lorekeep_gateway.ingest.attributes import attributes, metadata_json
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.index import Index, chunk_id, space_of
from lorekeep_gateway.ingest.leases import Lease
from lorekeep_gateway.ingest.pipes import Pipe
from lorekeep_gateway.ingest.sources import Given, Whole

_MOST_UPSERT_BYTES = 3 * 1024 * 1024

Embedded = list[tuple[Chunk, bytes]]
Marked = Embedded | Mark | Whole


class Ahead:
    """How far the embedder may be ahead of the index, `chunks` at most: in two requests, so that one is embedded while
    the one before it is indexed and noted. Whoever goes on after a death embeds no more than that again."""

    def __init__(self, chunks: int) -> None:
        self.request_chunks = max(1, chunks // 2)
        self._requests = asyncio.Semaphore(min(2, chunks))

    async def began(self) -> None:
        """A request may go to the embedder, once there is room for it."""
        await self._requests.acquire()

    def noted(self) -> None:
        """The chunks of the oldest request are in the index, and the checkpoint is behind them."""
        self._requests.release()


async def embed(
    chunks: Pipe[Given],
    embedded: Pipe[Marked],
    embedding: Embedding,
    generation: Mapping[str, Any],
    ahead: Ahead,
    begun: Callable[[], None],
) -> None:
    """Embeds chunks request by request, as far ahead of the index as it may. Marks pass by."""
    waiting: list[Chunk] = []

    async def flush() -> None:
        if waiting:
            await ahead.began()
            begun()
            vectors = await embedding.vectors(generation["model"], generation["fingerprint"], waiting)
            await embedded.put(list(zip(waiting, vectors, strict=True)))
            waiting.clear()

    async for item in chunks:
        if isinstance(item, Chunk):
            waiting.append(item)
        if isinstance(item, Whole) or len(waiting) == ahead.request_chunks:
            await flush()
        if not isinstance(item, Chunk):
            await embedded.put(item)
    await embedded.close()


class Writing:
    """Writes one version's chunks to the index in requests bounded by number and by bytes."""

    def __init__(
        self,
        index: Index,
        lease: Lease,
        generation: Mapping[str, Any],
        job: Mapping[str, Any],
        work: Mapping[str, Any],
        batch_chunks: int,
    ) -> None:
        self._index = index
        self._lease = lease
        self._job = job
        self._work = work
        self._batch_chunks = batch_chunks
        self._generation_id = generation["id"]
        self._space = space_of(generation)
        self._attributes, self.warnings = attributes(work["metadata_schema"], work["metadata"])
        self._metadata_json = metadata_json(work["metadata"])
        self._chunks: list[search_pb2.IndexedChunk] = []
        self._vectors: list[bytes] = []
        self._bytes = 0

    async def add(self, embedded: Embedded) -> None:
        """Takes chunks with their vectors; writes whenever a request is full."""
        for chunk, vector in embedded:
            indexed = self._indexed(chunk)
            size = indexed.ByteSize() + len(vector)
            if len(self._chunks) == self._batch_chunks or self._bytes + size > _MOST_UPSERT_BYTES:
                await self.flush()
            self._chunks.append(indexed)
            self._vectors.append(vector)
            self._bytes += size

    async def flush(self) -> None:
        """Writes what is left; everything taken so far is durable behind it."""
        if not self._chunks:
            return
        request = search_pb2.UpsertRequest(
            space=self._space,
            generation_id=self._generation_id,
            chunks=self._chunks,
            vectors=b"".join(self._vectors),
            attributes=self._attributes,
        )
        await self._index.upsert(request, self._lease.require)
        measures.CHUNKS.inc(len(self._chunks))
        self._chunks, self._vectors, self._bytes = [], [], 0

    def name_of(self, chunk: Chunk) -> str:
        """The chunk's id in the index."""
        return chunk_id(self._generation_id, self._job["version_id"], chunk)

    def _indexed(self, chunk: Chunk) -> search_pb2.IndexedChunk:
        return search_pb2.IndexedChunk(
            chunk_id=self.name_of(chunk),
            collection_id=self._job["collection_id"],
            document_id=self._job["document_id"],
            version_id=self._job["version_id"],
            document_name=self._work["name"],
            public_document_id=self._work["public_id"],
            chunk=chunk,
            metadata_json=self._metadata_json,
        )


def beside_misfits(warnings: Sequence[str]) -> list[str]:
    """Warnings of an earlier ingest but for those on metadata, which are told anew."""
    return [each for each in warnings if not each.startswith("metadata_mismatch:")]
