"""One document's way through the parser for a caller who waits: nothing of it is kept."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from lorekeep.document.v1.document_pb2 import Chunk, Element, Verdict
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import client_calls, errors
from lorekeep_gateway.blob_errors import translated as blobs_translated
from lorekeep_gateway.http.partition.form import Document
from lorekeep_gateway.http.partition.parameters import Parameters
from lorekeep_gateway.http.parts import Parts
from lorekeep_gateway.ingest.pipes import Pipe, beside

# What all documents of one request may come to, and what an element or a chunk takes beside its bytes: many are empty.
_MOST_BYTES = 48 * 1024 * 1024
_BYTES_EACH = 256
# How long a place in the parser is waited for before the caller is asked to come back.
_PLACE_SECONDS = 20.0
_PAUSE_SECONDS = 0.25
_MOST_BROKEN = 3
_LOOK_SECONDS = 1.0

Result = TypeVar("Result")


@dataclass
class Read:
    """What a document holds. Without chunks where none were asked for. `room_bytes` is left for further documents."""

    elements: list[Element] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    warnings: list[str] = field(default_factory=list)
    room_bytes: int = _MOST_BYTES
    finished: bool = False

    def take(self, answer: parser_pb2.ParseResponse) -> None:
        """Adds what an answer brings; TooLarge where it becomes more than one answer may hold."""
        if answer.HasField("element"):
            self.elements.append(answer.element)
            self.room_bytes -= answer.ByteSize() + _BYTES_EACH
        elif answer.HasField("chunk"):
            self.chunks.append(answer.chunk)
            self.room_bytes -= answer.ByteSize() + _BYTES_EACH
        elif answer.HasField("finished"):
            self.verdict, self.finished = answer.finished.verdict, True
            self.warnings += answer.finished.verdict.warnings
        if self.room_bytes < 0:
            raise errors.TooLarge(
                f"The documents hold more than {_MOST_BYTES} bytes of elements. Upload them to a collection instead.",
                reason="answer_too_large",
            )


async def read_all(parts: Parts, documents: Sequence[Document], parameters: Parameters) -> list[Read]:
    """Reads documents, one at a time, waiting a little for a place. What is wrong with one is UnprocessableInput."""
    found: list[Read] = []
    for each in documents:
        found.append(await _read(parts, each, parameters, found[-1].room_bytes if found else _MOST_BYTES))
    return found


async def _read(parts: Parts, document: Document, parameters: Parameters, room_bytes: int) -> Read:
    start = _start_of(document, parameters)
    try:
        return await _placed(parts, document, start, room_bytes)
    except errors.InvalidInput as error:
        if error.reason == "strategy_unavailable" and parameters.strategy == "hi_res":
            start.strategy = parser_pb2.READ_STRATEGY_AUTO
            found = await _placed(parts, document, start, room_bytes)
            found.warnings.insert(0, f"strategy_unavailable: {error.message}")
            return found
        raise


async def while_awaited(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Does the work while its caller is there: nobody else needs it, and others wait for its place."""
    results: list[Result] = []

    async def worked() -> None:
        results.append(await work)

    async def watched() -> None:
        while not await request.is_disconnected():  # noqa: ASYNC110 - a request tells of its end only when asked
            await asyncio.sleep(_LOOK_SECONDS)
        raise ClientDisconnect

    await beside(worked(), watched())
    return results[0]


async def _placed(parts: Parts, document: Document, start: parser_pb2.ParseStart, room_bytes: int) -> Read:
    until, broken = monotonic() + _PLACE_SECONDS, 0
    while True:
        try:
            return await _typed(parts, document, start, room_bytes)
        except errors.Overloaded:
            if monotonic() > until:
                raise
        except errors.Unavailable as error:
            broken += 1
            if error.reason != errors.CALL_BROKEN or broken == _MOST_BROKEN:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


async def _typed(parts: Parts, document: Document, start: parser_pb2.ParseStart, room_bytes: int) -> Read:
    """Errors of the document as this API tells them: a client comes back for any 5xx, and that would not help here."""
    try:
        async with client_calls.translated():
            return await _once(parts, document, start, room_bytes)
    except errors.InvalidInput as error:
        if error.reason == "empty_text":
            return Read(warnings=[f"empty_text: {error.message}"], room_bytes=room_bytes)
        if error.http_status != errors.InvalidInput.http_status or error.reason == "strategy_unavailable":
            raise
        raise errors.UnprocessableInput(error.message, reason=error.reason, field="files") from None
    except errors.DeadlineExceeded as error:
        if error.reason != "parse_timeout":
            raise
        raise errors.UnprocessableInput(error.message, reason=error.reason, field="files") from None


async def _once(parts: Parts, document: Document, start: parser_pb2.ParseStart, room_bytes: int) -> Read:
    found, accepted = Read(room_bytes=room_bytes), asyncio.Event()
    requests: Pipe[parser_pb2.ParseRequest] = Pipe(1)
    call = parts.callees.parser.Parse(aiter(requests))

    async def receive() -> None:
        async for answer in call:
            accepted.set()
            found.take(answer)

    async def send() -> None:
        await requests.put(parser_pb2.ParseRequest(start=start))
        await accepted.wait()
        with blobs_translated():
            async for piece in parts.blobs.staged(document.staged.path or ""):
                await requests.put(parser_pb2.ParseRequest(data=piece))
        await requests.close()

    try:
        await beside(receive(), send())
    finally:
        requests.abandon()
        call.cancel()
    if not found.finished:
        raise errors.Unavailable("The parser broke off. Try again shortly.", reason="parser_broke_off")
    return found


def _start_of(document: Document, parameters: Parameters) -> parser_pb2.ParseStart:
    return parser_pb2.ParseStart(
        name=document.name,
        declared_media_type=parameters.content_type or document.media_type,
        size_bytes=document.staged.blob.size_bytes,
        chunk_options=parameters.chunk_options(),
        # Page headers and footers come at the end of a batch, and belong to their page here.
        batch_pages=1,
        strategy=parameters.read_strategy(),
        languages=parameters.ocr(),
    )
