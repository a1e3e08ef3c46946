"""One document's way through the parser: bytes and tokenizer in, chunks and checkpoints out."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from obstore.exceptions import BaseError as ObjectStoreError

from lorekeep.document.v1.document_pb2 import Chunk, Element, Verdict
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors, logs
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.checkpoints import Checkpoint
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.pipes import Pipe, beside
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.stages import Stages

_LOG = logs.logger(__name__)
_PIECE_BYTES = 512 * 1024
_EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Read:
    """The document was read to its end."""

    verdict: Verdict
    checkpoint: Checkpoint


Parsed = Chunk | Checkpoint | Read


class Parsing:
    """Reads one version, going on behind the last whole batch when the parser breaks off.

    Chunks are given on as they come, each once and in order: after a break the parser repeats what it had sent since
    the batch's beginning, and what was given on already is passed over.
    """

    def __init__(
        self,
        callees: Callees,
        blobs: Blobs,
        embedding: Embedding,
        settings: IngestSettings,
        stages: Stages,
        job: Mapping[str, Any],
        start: parser_pb2.ParseStart,
        blob_sha256: str,
    ) -> None:
        self._stub = callees.parser
        self._blobs = blobs
        self._embedding = embedding
        self._settings = settings
        self._stages = stages
        self._job = job
        self._start = start
        self._blob_sha256 = blob_sha256
        self._checkpoint = Checkpoint.of_job(job)
        self._next_chunk = self._checkpoint.chunks
        self._elements: list[Element] = []

    async def run(self, put: Callable[[Parsed], Awaitable[None]]) -> None:
        """Gives every chunk, a checkpoint behind each batch, and at last a Read to `put`."""
        await patiently(lambda: self._once(put), self._settings.retry_seconds)

    async def _once(self, put: Callable[[Parsed], Awaitable[None]]) -> None:
        self._elements.clear()
        self._start.resume_state = self._checkpoint.resume_state
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        requests: Pipe[parser_pb2.ParseRequest] = Pipe(1)
        call = self._stub.Parse(aiter(requests))
        try:
            await beside(self._receive(call, accepted, put), self._send(requests, accepted))
        finally:
            requests.abandon()
            call.cancel()

    async def _send(self, requests: Pipe[parser_pb2.ParseRequest], accepted: "asyncio.Future[bool]") -> None:
        """Ended from outside when the parser refuses or finishes before it has seen everything."""
        with self._stages.stage("fetch"), _answering():
            await requests.put(parser_pb2.ParseRequest(start=self._start))
            async for piece in self._blobs.read(self._job["organisation_id"], self._blob_sha256):
                await requests.put(parser_pb2.ParseRequest(data=piece))
        if await accepted:
            await self._send_tokenizer(requests)
        await requests.close()

    async def _send_tokenizer(self, requests: Pipe[parser_pb2.ParseRequest]) -> None:
        content = await self._embedding.tokenizer(self._start.chunk_options.tokenizer_fingerprint)
        for start in range(0, len(content), _PIECE_BYTES):
            await requests.put(parser_pb2.ParseRequest(tokenizer_data=content[start : start + _PIECE_BYTES]))
        await requests.put(parser_pb2.ParseRequest(tokenizer_end=parser_pb2.TokenizerEnd()))

    async def _receive(
        self, call: Any, accepted: "asyncio.Future[bool]", put: Callable[[Parsed], Awaitable[None]]
    ) -> None:
        finished = False
        while (answer := await self._answer(call)) is not _EOF:
            if answer.HasField("accepted"):
                accepted.set_result(answer.accepted.tokenizer_required)
            for parsed in await self._taken(answer):
                await put(parsed)
            finished = finished or answer.HasField("finished")
        if not finished:
            raise errors.Unavailable("The parser broke off. It is asked again shortly.", reason="parser_broke_off")

    async def _answer(self, call: Any) -> Any:
        """The next answer; waiting for room further on is no part of the time it may take."""
        try:
            async with asyncio.timeout(self._settings.stage_deadline_seconds):
                return await call.read()
        except TimeoutError:
            raise errors.DeadlineExceeded(
                "The parser gave no answer in time. Try again, or split the document.", reason="parse_timeout"
            ) from None

    async def _taken(self, answer: parser_pb2.ParseResponse) -> list[Parsed]:
        if answer.HasField("element"):
            self._elements.append(answer.element)
        elif answer.HasField("chunk"):
            return list(self._new(answer.chunk))
        elif answer.HasField("batch_end"):
            return [await self._kept(answer.batch_end)]
        elif answer.HasField("finished"):
            return [self._read(answer.finished)]
        return []

    def _new(self, chunk: Chunk) -> Iterator[Chunk]:
        if chunk.ordinal > self._next_chunk:
            raise _broken_contract("a chunk is missing")
        if chunk.ordinal == self._next_chunk:
            self._next_chunk += 1
            yield chunk

    async def _kept(self, batch: parser_pb2.BatchEnd) -> Checkpoint:
        """Keeps the batch as a segment of the artefact; a later break goes on behind it."""
        if batch.segment.ordinal != self._checkpoint.segments:
            raise _broken_contract("a segment is missing")
        measures.PAGES.inc(max(batch.pages_done - self._checkpoint.pages_done, 0))
        count = self._checkpoint.elements + len(self._elements)
        batch.segment.elements.extend(self._elements)
        self._elements.clear()
        with _answering():
            await self._blobs.keep_segment(self._job["organisation_id"], self._job["version_id"], batch.segment)
        self._checkpoint = self._checkpoint.behind(batch, count, self._next_chunk)
        self._start.resume_state = batch.resume_state
        return self._checkpoint

    def _read(self, finished: parser_pb2.Finished) -> Read:
        if self._elements or finished.element_count != self._checkpoint.elements:
            raise _broken_contract("elements are missing")
        if finished.chunk_count != self._next_chunk:
            raise _broken_contract("chunks are missing")
        return Read(finished.verdict, self._checkpoint.completed(self._next_chunk))


@contextmanager
def _answering() -> Iterator[None]:
    """A blob store that does not answer is waited for as every dependency is."""
    try:
        yield
    except (ObjectStoreError, OSError) as error:
        raise errors.Unavailable("The blob store is not answering.", reason="blobs_unavailable") from error


def _broken_contract(what: str) -> errors.LorekeepError:
    _LOG.error("the parser's answer is not whole", extra={"lorekeep": {"what": what}})
    return errors.Internal()
