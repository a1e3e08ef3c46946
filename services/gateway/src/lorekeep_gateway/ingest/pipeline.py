"""From a source's chunks to points of the index: embed and index beside the source, joined by bounded pipes, so that
whatever is slowest holds the rest back and memory stays flat."""

import asyncio
from collections import deque
from collections.abc import Callable

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep_gateway.ingest import indexing
from lorekeep_gateway.ingest.artefacts import Mark
from lorekeep_gateway.ingest.checkpoints import Checkpoint
from lorekeep_gateway.ingest.claimed import Claimed
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.pipes import Pipe, together
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.sources import Given, ReadAnew, Source, Whole

_EMBEDDED_ROOM = 2


class HandedBack(Exception):
    """The process ends; the job stopped at a checkpoint for another worker to go on from."""


class Pipeline:
    """Brings the chunks of one job into the index and moves its checkpoint behind each request to the embedder.

    `stage` names what the source does. `wanted` says of each chunk whether it is to be written at all.
    """

    def __init__(
        self,
        claimed: Claimed,
        embedding: Embedding,
        writing: indexing.Writing,
        settings: IngestSettings,
        draining: asyncio.Event,
        wanted: Callable[[Chunk], bool] = lambda chunk: True,
    ) -> None:
        self._claimed = claimed
        self._embedding = embedding
        self._writing = writing
        self._settings = settings
        self._draining = draining
        self._wanted = wanted
        self._checkpoint = Checkpoint.of_job(claimed.job)
        self._ahead = indexing.Ahead(settings.embed_batch_chunks)
        self._marks: deque[Mark] = deque()
        self._useless: ReadAnew | None = None

    async def run(self, source: Source, stage: str) -> Whole:
        """Ends once all chunks are in the index; HandedBack when the process ends first; ReadAnew when the source says
        so, and nothing of what it gave is on its way any more."""
        chunks: Pipe[Given] = Pipe(2 * self._settings.embed_batch_chunks)
        embedded: Pipe[indexing.Marked] = Pipe(_EMBEDDED_ROOM)
        ends: list[Whole] = []
        await together(self._give(source, stage, chunks), self._embed(chunks, embedded), self._index(embedded, ends))
        if self._useless is not None:
            raise self._useless
        return ends[0]

    async def _give(self, source: Source, stage: str, chunks: Pipe[Given]) -> None:
        async def put(given: Given) -> None:
            if not isinstance(given, Chunk) or self._wanted(given):
                await chunks.put(given)

        with self._claimed.stages.stage(stage):
            self._claimed.lease.enter(stage)
            try:
                await source.run(put)
            except ReadAnew as told:
                self._useless = told
            await chunks.close()

    async def _embed(self, chunks: Pipe[Given], embedded: Pipe[indexing.Marked]) -> None:
        with self._claimed.stages.stage("embed"):
            await indexing.embed(
                chunks,
                embedded,
                self._embedding,
                self._claimed.generation,
                self._ahead,
                lambda: self._claimed.lease.enter("embed"),
            )

    async def _index(self, embedded: Pipe[indexing.Marked], ends: list[Whole]) -> None:
        with self._claimed.stages.stage("index"):
            async for item in embedded:
                if isinstance(item, list):
                    await self._write(item)
                elif isinstance(item, Mark):
                    self._marks.append(item)
                else:
                    ends.append(item)

    async def _write(self, batch: indexing.Embedded) -> None:
        self._claimed.lease.enter("index")
        await self._writing.add(batch)
        await self._writing.flush()
        await self._claimed.move(self._moved(batch[-1][0].ordinal + 1), self._writing.warnings)
        self._ahead.noted()
        if self._draining.is_set():
            raise HandedBack

    def _moved(self, chunks: int) -> Checkpoint:
        segments = self._checkpoint.segments
        while self._marks and self._marks[0].chunks <= chunks:
            segments = self._marks.popleft().segments
        self._checkpoint = Checkpoint(chunks, segments)
        return self._checkpoint
