"""One document's way through the parser: bytes and tokenizer in, chunks and segments out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lorekeep.document.v1.document_pb2 import Chunk, Element, Segment
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors, logs
from lorekeep_gateway.blob_errors import artefact_missing
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest import measures, parser_calls
from lorekeep_gateway.ingest.artefacts import Artefact, Mark, Sequence
from lorekeep_gateway.ingest.attachments import Attachments
from lorekeep_gateway.ingest.checkpoints import Checkpoint, Kept
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.pipes import Pipe, beside, together
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.sources import Put, ReadAnew, Whole
from lorekeep_gateway.ingest.stages import Stages

_LOG = logs.logger(__name__)
# What the artefact or the parser's state says when an earlier reading is of no use any more.
_OF_THE_EARLIER_READING = ("artefact_missing", "resume_state_invalid")


class Parsing:
    """Reads one version and keeps it, batch by batch; what is kept is given on.

    The parser is never held back by what comes behind: its batches wait in the blob store, not in memory, and a later
    run of the job takes them from there, so that nothing is read twice but what the parser had in its hands. `keep`
    writes down how far it came. `attachments` keeps what is inside of the document; without it that is not asked for.
    Every chunk lies in a segment: the parser closes all of them before its last batch.
    """

    def __init__(
        self,
        callees: Callees,
        artefact: Artefact,
        supplies: parser_calls.Supplies,
        settings: IngestSettings,
        stages: Stages,
        start: parser_pb2.ParseStart,
        kept: Kept,
        begin: Checkpoint,
        keep: Callable[[Kept], Awaitable[None]],
        attachments: Attachments | None = None,
    ) -> None:
        self._attachments = attachments
        self._stub = callees.parser
        self._artefact = artefact
        self._supplies = supplies
        self._settings = settings
        self._stages = stages
        self._start = start
        self._asked_for_attachments = start.attachments
        self._kept = kept
        self._latest: Segment | None = None
        self._news = asyncio.Event()
        self._segments_given = min(begin.segments, kept.segments)
        self._sequence = Sequence(begin.chunks)
        self._keep = keep
        self._elements: list[Element] = []
        self._chunks: list[Chunk] = []

    def pass_over(self, chunks: int) -> None:
        """Chunks before this ordinal were given by another source."""
        self._sequence.next_chunk = max(self._sequence.next_chunk, chunks)

    async def run(self, put: Put) -> None:
        """Gives everything to `put`; begins anew where the earlier reading cannot be gone on with, or has it done by
        ReadAnew where chunks of that were given and this is an ingest."""
        with _counted():
            try:
                await together(self._give(put), self._read())
            except (errors.NotFound, errors.InvalidInput) as error:
                if error.reason not in _OF_THE_EARLIER_READING or not self._kept.segments:
                    await self._artefact.unreadable()
                    raise
                _LOG.warning("a document is read from its beginning", extra={"lorekeep": {"reason": error.reason}})
                if self._sequence.next_chunk and self._attachments is not None:
                    raise ReadAnew from error
                self._kept, self._latest, self._segments_given = Kept(), None, 0
                await together(self._give(put), self._read())

    async def _give(self, put: Put) -> None:
        """Gives the chunks of every segment once it is kept, to the end of the document."""
        while self._kept.verdict is None or self._segments_given < self._kept.segments:
            self._news.clear()
            if self._segments_given == self._kept.segments:
                await self._news.wait()
                continue
            for chunk in (await self._segment(self._segments_given)).chunks:
                for each in self._sequence.new(chunk):
                    await put(each)
            self._segments_given += 1
            await put(Mark(self._sequence.next_chunk, self._segments_given))
        if self._sequence.next_chunk != self._kept.chunks:
            raise artefact_missing()
        await put(Whole(self._kept.chunks, self._kept))

    async def _segment(self, ordinal: int) -> Segment:
        if self._latest is not None and self._latest.ordinal == ordinal:
            return self._latest
        return await patiently(lambda: self._artefact.segment(ordinal), self._settings.retry_seconds)

    async def _read(self) -> None:
        """Also waits for the end of the call: one that is cut off counts as cancelled with the parser."""
        await patiently(self._once, self._settings.retry_seconds)

    async def _once(self) -> None:
        if self._kept.verdict is not None:
            return
        self._elements.clear()
        self._chunks.clear()
        self._start.resume_state = self._kept.state
        await self._artefact.prepare(self._start)
        self._start.attachments = await self._wants_attachments()
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        requests: Pipe[parser_pb2.ParseRequest] = Pipe(1)
        call = self._stub.Parse(aiter(requests))
        try:
            await beside(self._receive(call, requests, accepted), self._send(requests, accepted))
        finally:
            requests.abandon()
            call.cancel()

    async def _wants_attachments(self) -> bool:
        if not self._asked_for_attachments or self._attachments is None:
            return False
        await self._attachments.begin()
        return await self._attachments.room()

    async def _send(self, requests: Pipe[parser_pb2.ParseRequest], accepted: "asyncio.Future[bool]") -> None:
        """Ended from outside when the parser refuses or finishes before it has seen everything."""
        with self._stages.stage("fetch"):
            await requests.put(parser_pb2.ParseRequest(start=self._start))
            tokenizer_required = await accepted
            async for piece in self._artefact.original():
                await requests.put(parser_pb2.ParseRequest(data=piece))
        if tokenizer_required:
            await parser_calls.send_tokenizer(requests, parser_pb2.ParseRequest, self._supplies)
        if not parser_calls.asks_for_vectors(self._start.chunk_options):
            await requests.close()

    async def _receive(
        self, call: Any, requests: Pipe[parser_pb2.ParseRequest], accepted: "asyncio.Future[bool]"
    ) -> None:
        finished = False
        seconds = self._settings.stage_deadline_seconds
        while (answer := await parser_calls.next_answer(call, seconds)) is not parser_calls.EOF:
            if answer.HasField("accepted"):
                accepted.set_result(answer.accepted.tokenizer_required)
            elif answer.HasField("vectors_required"):
                asked = answer.vectors_required
                await parser_calls.send_vectors(requests, parser_pb2.ParseRequest, self._supplies, asked)
            elif answer.HasField("attachment"):
                await self._keep_attachment(call, answer.attachment)
            await self._take(answer)
            finished = finished or answer.HasField("finished")
        if not finished:
            raise errors.Unavailable("The parser broke off. It is asked again shortly.", reason="parser_broke_off")

    async def _keep_attachment(self, call: Any, told: parser_pb2.Attachment) -> None:
        if self._attachments is None or not self._start.attachments:
            raise _broken_contract("an attachment came unasked")
        await self._attachments.keep(told, self._attached(call, told.size_bytes))

    async def _attached(self, call: Any, size_bytes: int) -> AsyncIterator[bytes]:
        """The bytes that follow, one answer after the other."""
        while size_bytes > 0:
            answer = await parser_calls.next_answer(call, self._settings.stage_deadline_seconds)
            if answer is parser_calls.EOF or not 0 < len(answer.attachment_data) <= size_bytes:
                raise _broken_contract("an attachment is not what was announced")
            size_bytes -= len(answer.attachment_data)
            yield answer.attachment_data

    async def _take(self, answer: parser_pb2.ParseResponse) -> None:
        if answer.HasField("element"):
            self._elements.append(answer.element)
        elif answer.HasField("chunk"):
            if answer.chunk.ordinal != self._kept.chunks + len(self._chunks):
                raise _broken_contract("a chunk is out of order")
            self._chunks.append(answer.chunk)
        elif answer.HasField("batch_end"):
            await self._end_batch(answer.batch_end)
        elif answer.HasField("finished"):
            await self._finish(answer.finished)

    async def _end_batch(self, batch: parser_pb2.BatchEnd) -> None:
        """Keeps the batch as a segment of the artefact; a later break, or run, goes on behind it."""
        if batch.segment.ordinal != self._kept.segments:
            raise _broken_contract("a segment is missing")
        measures.PAGES.inc(max(batch.pages_done - self._kept.pages_done, 0))
        batch.segment.elements.extend(self._elements)
        batch.segment.chunks.extend(self._chunks)
        kept = self._kept.behind(batch, len(self._elements), len(self._chunks))

        async def written() -> None:
            await self._artefact.keep(batch.segment)
            await self._keep(kept)

        await patiently(written, self._settings.retry_seconds)
        self._elements.clear()
        self._chunks.clear()
        self._start.resume_state = batch.resume_state
        self._latest = batch.segment
        self._noted(kept)

    async def _finish(self, finished: parser_pb2.Finished) -> None:
        if self._elements or finished.element_count != self._kept.elements:
            raise _broken_contract("elements are missing")
        if self._chunks or finished.chunk_count != self._kept.chunks:
            raise _broken_contract("chunks are missing")
        if not finished.verdict.characters or not finished.chunk_count:
            raise errors.InvalidInput(
                "No text was found in the document. Upload one that holds text.", reason="empty_text"
            )
        if self._attachments is not None:
            await self._attachments.end(finished.attachment_count)
        kept = self._kept.finished(finished.verdict, finished.properties)
        await patiently(lambda: self._keep(kept), self._settings.retry_seconds)
        self._noted(kept)

    def _noted(self, kept: Kept) -> None:
        self._kept = kept
        self._news.set()


@contextmanager
def _counted() -> Iterator[None]:
    """Counts documents that cannot be read; those that can are counted with their verdict."""
    try:
        yield
    except (errors.InvalidInput, errors.UnsupportedMedia, errors.TooLarge) as error:
        measures.VERDICTS.labels("empty_text" if error.reason == "empty_text" else "refused").inc()
        raise


def _broken_contract(what: str) -> errors.LorekeepError:
    _LOG.error("the parser's answer is not whole", extra={"lorekeep": {"what": what}})
    return errors.Internal()
