"""Chunks as they were cut when the document was read: they lie in the artefact's segments, ids and all.

So what the index lost comes back the same, whatever the chunker has learned since. An artefact of before chunks were
kept is cut anew.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from lorekeep.document.v1.document_pb2 import Segment
from lorekeep_gateway.ingest.artefacts import Artefact, Mark, Sequence
from lorekeep_gateway.ingest.checkpoints import Kept
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.rechunking import Rechunking
from lorekeep_gateway.ingest.sources import Put, Whole


class KeptChunks:
    """Gives the `chunk_count` chunks of an artefact of `kept.segments` segments; those of `otherwise` where it does not
    keep so many. NotFound, `artefact_missing`, where a segment is gone or damaged."""

    def __init__(
        self,
        artefact: Artefact,
        kept: Kept,
        chunk_count: int,
        keep: Callable[[Kept], Awaitable[None]],
        retry_seconds: float,
        otherwise: Rechunking,
    ) -> None:
        self._artefact = artefact
        self._kept = kept
        self._chunk_count = chunk_count
        self._keep = keep
        self._retry_seconds = retry_seconds
        self._otherwise = otherwise
        self._sequence = Sequence(0)

    @property
    def next_chunk(self) -> int:
        """The ordinal of the first chunk that was not given yet."""
        return max(self._sequence.next_chunk, self._otherwise.next_chunk)

    async def run(self, put: Put) -> None:
        """Gives everything to `put`."""
        if await self._kept_count() != self._chunk_count or not self._chunk_count:
            await self._otherwise.run(put)
            return
        for ordinal in range(self._kept.segments):
            segment = await self._segment(ordinal)
            for chunk in segment.chunks:
                for each in self._sequence.new(chunk):
                    await put(each)
            await put(Mark(self._sequence.next_chunk, ordinal + 1))
        self._kept = replace(self._kept, chunks=self._chunk_count)
        await patiently(lambda: self._keep(self._kept), self._retry_seconds)
        await put(Whole(self._chunk_count, self._kept))

    async def _kept_count(self) -> int:
        return sum([len((await self._segment(ordinal)).chunks) for ordinal in range(self._kept.segments)])

    async def _segment(self, ordinal: int) -> Segment:
        return await patiently(lambda: self._artefact.segment(ordinal), self._retry_seconds)
