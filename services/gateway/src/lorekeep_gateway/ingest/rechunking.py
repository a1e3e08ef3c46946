"""Chunks from an artefact: the parser cuts stored elements as it did when it read them; no page is read again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from lorekeep.document.v1.document_pb2 import Segment
from lorekeep.parser.v1 import parser_pb2
from lorekeep_gateway.blob_errors import artefact_missing
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest import parser_calls
from lorekeep_gateway.ingest.artefacts import Artefact, Sequence
from lorekeep_gateway.ingest.checkpoints import Checkpoint, Kept, preview_of
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.pipes import Pipe, beside
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.sources import Put, Whole
from lorekeep_gateway.ingest.stages import Stages


class Rechunking:
    """Gives the chunks of an artefact of `kept.segments` segments. NotFound, `artefact_missing`, where it is dead."""

    def __init__(
        self,
        callees: Callees,
        artefact: Artefact,
        supplies: parser_calls.Supplies,
        settings: IngestSettings,
        stages: Stages,
        options: parser_pb2.ChunkOptions,
        kept: Kept,
        begin: Checkpoint,
        keep: Callable[[Kept], Awaitable[None]],
    ) -> None:
        self._stub = callees.parser
        self._artefact = artefact
        self._supplies = supplies
        self._settings = settings
        self._stages = stages
        self._options = options
        self._kept = kept
        self._keep = keep
        self._sequence = Sequence(begin.chunks)
        self._turn = asyncio.Lock()  # no segment overtakes vectors that the parser waits for

    @property
    def next_chunk(self) -> int:
        """The ordinal of the first chunk that was not given yet."""
        return self._sequence.next_chunk

    async def run(self, put: Put) -> None:
        """Gives everything to `put`."""
        if not self._kept.segments:
            raise artefact_missing()
        await patiently(lambda: self._once(put), self._settings.retry_seconds)
        self._kept = replace(self._kept, chunks=self.next_chunk)
        await patiently(lambda: self._keep(self._kept), self._settings.retry_seconds)
        await put(Whole(self.next_chunk, self._kept))

    async def _once(self, put: Put) -> None:
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        requests: Pipe[parser_pb2.ChunkRequest] = Pipe(1)
        call = self._stub.Chunk(aiter(requests))
        try:
            await beside(self._receive(call, requests, accepted, put), self._send(requests, accepted))
        finally:
            requests.abandon()
            call.cancel()

    async def _send(self, requests: Pipe[parser_pb2.ChunkRequest], accepted: "asyncio.Future[bool]") -> None:
        with self._stages.stage("fetch"):
            await requests.put(parser_pb2.ChunkRequest(start=self._options))
            if await accepted:
                await parser_calls.send_tokenizer(requests, parser_pb2.ChunkRequest, self._supplies)
            for ordinal in range(self._kept.segments):
                segment = await self._artefact.segment(ordinal)
                self._kept = replace(self._kept, preview=self._kept.preview or preview_of(segment.text))
                async with self._turn:
                    await requests.put(parser_pb2.ChunkRequest(segment=_sent(segment)))
        if parser_calls.asks_for_vectors(self._options):
            await requests.put(parser_pb2.ChunkRequest(segments_end=parser_pb2.SegmentsEnd()))
        else:
            await requests.close()

    async def _receive(
        self, call: Any, requests: Pipe[parser_pb2.ChunkRequest], accepted: "asyncio.Future[bool]", put: Put
    ) -> None:
        seconds = self._settings.stage_deadline_seconds
        while (answer := await parser_calls.next_answer(call, seconds)) is not parser_calls.EOF:
            if answer.HasField("accepted"):
                accepted.set_result(answer.accepted.tokenizer_required)
            elif answer.HasField("vectors_required"):
                asked = answer.vectors_required
                async with self._turn:
                    await parser_calls.send_vectors(requests, parser_pb2.ChunkRequest, self._supplies, asked)
            else:
                for each in self._sequence.new(answer.chunk):
                    await put(each)


def _sent(segment: Segment) -> Segment:
    """What chunking needs of a segment."""
    return Segment(ordinal=segment.ordinal, start=segment.start, elements=segment.elements)
