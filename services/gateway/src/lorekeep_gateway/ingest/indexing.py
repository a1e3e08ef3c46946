"""The last two stages of a document's pipeline: chunks become vectors, and both become points of the index."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep.search.v1 import search_pb2
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.attributes import attributes, metadata_json
from lorekeep_gateway.ingest.checkpoints import Checkpoint
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.index import Index, chunk_id, space_of
from lorekeep_gateway.ingest.leases import Lease
from lorekeep_gateway.ingest.parsing import Parsed, Read
from lorekeep_gateway.ingest.pipes import Pipe

_MOST_UPSERT_BYTES = 3 * 1024 * 1024

Embedded = list[tuple[Chunk, bytes]]
Marked = Embedded | Checkpoint | Read


async def embed(
    chunks: Pipe[Parsed],
    embedded: Pipe[Marked],
    embedding: Embedding,
    generation: Mapping[str, Any],
    batch_chunks: int,
    begun: Callable[[], Awaitable[None]],
) -> None:
    """Embeds chunks in requests of `batch_chunks`; checkpoints pass in their place between them."""
    waiting: list[Chunk] = []

    async def flush() -> None:
        if waiting:
            await begun()
            vectors = await embedding.vectors(generation["model"], generation["fingerprint"], waiting)
            await embedded.put(list(zip(waiting, vectors, strict=True)))
            waiting.clear()

    async for item in chunks:
        if not isinstance(item, Chunk):
            await flush()
            await embedded.put(item)
            continue
        waiting.append(item)
        if len(waiting) == batch_chunks:
            await flush()
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

    def _indexed(self, chunk: Chunk) -> search_pb2.IndexedChunk:
        return search_pb2.IndexedChunk(
            chunk_id=chunk_id(self._generation_id, self._job["version_id"], chunk),
            collection_id=self._job["collection_id"],
            document_id=self._job["document_id"],
            version_id=self._job["version_id"],
            document_name=self._work["name"],
            public_document_id=self._work["public_id"],
            chunk=chunk,
            metadata_json=self._metadata_json,
        )
