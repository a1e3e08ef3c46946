"""One call at work: a slot, a clock, a directory, a child; spans and metrics around them."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.trace import Span, StatusCode

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import metrics, tracing
from lorekeep_chassis.errors import InvalidInput, LorekeepError
from lorekeep_parser import failures, intake, measures
from lorekeep_parser.chunking.tokenizer_shelf import Gathering, TokenizerShelf
from lorekeep_parser.sandbox.allowance import Allowance
from lorekeep_parser.sandbox.children import Children, Clock, Slots, Work
from lorekeep_parser.sandbox.frames import MAX_PAYLOAD_BYTES, Kind
from lorekeep_parser.sandbox.scratch import Scratch

_UNKNOWN_ROUTE = "unknown"
_Message = TypeVar("_Message", parser_pb2.ParseResponse, parser_pb2.ChunkResponse)


@dataclass(frozen=True)
class Desk:
    """What all calls share."""

    slots: Slots
    clock: Clock
    scratch: Scratch
    shelf: TokenizerShelf
    children: Children

    @asynccontextmanager
    async def place(self, options: parser_pb2.ChunkOptions) -> AsyncIterator["Place"]:
        """A slot with its clock running; Overloaded where there is none, Unavailable where there are no children."""
        self.children.check()
        async with self.slots.taken(), self.clock.running() as timeout:
            yield Place(self, timeout, Gathering(self.shelf, options.tokenizer_fingerprint))


class Place:
    """A call that has its slot."""

    def __init__(self, desk: Desk, timeout: asyncio.Timeout, tokenizer: Gathering) -> None:
        self._desk = desk
        self._timeout = timeout
        self._tokenizer = tokenizer

    def accepted(self) -> parser_pb2.Accepted:
        """The first answer."""
        return parser_pb2.Accepted(tokenizer_required=self._tokenizer.required)

    async def parsed(
        self, start: parser_pb2.ParseStart, requests: AsyncIterator[parser_pb2.ParseRequest]
    ) -> AsyncIterator[parser_pb2.ParseResponse]:
        """Reads the document and gives what it holds."""
        async with self._desk.scratch.directory() as directory, _observed("parser.read") as reading:
            path = await intake.document_received(requests, start.size_bytes, self._tokenizer, directory)
            allowance = Allowance()
            async with self._working("parse", path, start.SerializeToString(), start.name) as work:
                async for payload in work.responses():
                    response = _decoded(parser_pb2.ParseResponse, payload)
                    allowance.take(len(payload), response)
                    self._note(response, reading)
                    yield response
                    if response.HasField("vectors_required"):
                        with self._desk.clock.standing(self._timeout):
                            vectors = await _vectors(requests)
                        await work.send(Kind.VECTORS, vectors)

    async def chunked(
        self, options: parser_pb2.ChunkOptions, requests: AsyncIterator[parser_pb2.ChunkRequest]
    ) -> AsyncIterator[parser_pb2.ChunkResponse]:
        """Cuts the segments that the caller sends."""
        async with self._desk.scratch.directory() as directory, _observed("parser.chunk") as reading:
            reading.route = "chunk"
            while self._tokenizer.required:
                intake.take_tokenizer(await _next(requests), self._tokenizer)
            async with self._working("chunk", directory, options.SerializeToString()) as work:
                told = asyncio.Event()
                pump = asyncio.create_task(_pump(requests, work, told))
                try:
                    async for response in self._cut(work):
                        reading.chunks += response.HasField("chunk")
                        yield response
                    if pump.done() or not told.is_set():
                        await pump
                finally:
                    pump.cancel()

    async def _cut(self, work: Work) -> AsyncIterator[parser_pb2.ChunkResponse]:
        allowance = Allowance()
        with ExitStack() as waiting:
            async for payload in work.responses():
                allowance.take(len(payload))
                waiting.close()
                response = _decoded(parser_pb2.ChunkResponse, payload)
                if response.HasField("vectors_required"):
                    waiting.enter_context(self._desk.clock.standing(self._timeout))
                yield response

    def _working(self, mode: str, path: Path, start: bytes, name: str = "") -> AbstractAsyncContextManager[Work]:
        job = {
            "mode": mode,
            "name": name,
            "path": str(path),
            "start": base64.b64encode(start).decode(),
            "tokenizer": str(self._tokenizer.path or ""),
        }
        return self._desk.children.working(job)

    def _note(self, response: parser_pb2.ParseResponse, reading: "_Reading") -> None:
        part = response.WhichOneof("part")
        if part == "batch_end":
            reading.stretched_for(response.batch_end.pages_total, self._desk.clock, self._timeout)
        elif part == "finished":
            verdict = response.finished.verdict
            reading.route = measures.route_label(verdict.route)
            reading.pages, reading.chunks = verdict.pages_read, response.finished.chunk_count


class _Reading:
    """What a span and the metrics say of one call."""

    def __init__(self) -> None:
        self.route = _UNKNOWN_ROUTE
        self.pages = 0
        self.chunks = 0
        self._stretched = False

    def stretched_for(self, pages_total: int, clock: Clock, timeout: asyncio.Timeout) -> None:
        """Gives a long document its time, once."""
        if pages_total and not self._stretched:
            self._stretched = True
            clock.stretch(timeout, pages_total)

    def tell(self, span: Span) -> None:
        """Writes the facts on the span; never text."""
        span.set_attributes({"parser.route": self.route, "parser.pages": self.pages, "parser.chunk_count": self.chunks})


@asynccontextmanager
async def _observed(name: str) -> AsyncIterator[_Reading]:
    reading, begin, outcome = _Reading(), perf_counter(), "cancelled"
    # Not made the current span: an async generator's context may change between its steps.
    span = tracing.tracer().start_span(name)
    try:
        yield reading
        outcome = "ok"
    except LorekeepError as error:
        outcome = error.reason
        span.set_status(StatusCode.ERROR, outcome)
        raise
    finally:
        reading.tell(span)
        span.end()
        measures.DOCUMENTS.labels(reading.route, outcome).inc()
        measures.SECONDS.labels(reading.route).observe(perf_counter() - begin, metrics.exemplar())


async def _pump(requests: AsyncIterator[parser_pb2.ChunkRequest], work: Work, told: asyncio.Event) -> None:
    """Hands segments and vectors to the child while its chunks are read. A caller's mistake ends the child's work and
    is raised. `told` is set where the caller said that there are no more segments, and may keep its side open."""
    try:
        async for request in requests:
            part = request.WhichOneof("part")
            if part == "vectors":
                await work.send(Kind.VECTORS, request.vectors.SerializeToString())
                continue
            if part == "segments_end":
                told.set()
                await work.send(Kind.END)
                continue
            if part != "segment" or request.segment.ByteSize() > MAX_PAYLOAD_BYTES:
                raise InvalidInput("After the opening, a call of Chunk sends segments of at most 4 MB.")
            if request.segment.elements:
                await work.send(Kind.REQUEST, request.segment.SerializeToString())
    finally:
        if not told.is_set():
            await work.send(Kind.END)
        await work.send(Kind.END)


async def _vectors(requests: AsyncIterator[parser_pb2.ParseRequest]) -> bytes:
    request = await anext(requests, None)
    if request is None or not request.HasField("vectors"):
        raise InvalidInput("`vectors_required` must be answered with `vectors`.")
    return request.vectors.SerializeToString()


async def _next(requests: AsyncIterator[parser_pb2.ChunkRequest]) -> parser_pb2.ChunkRequest:
    request = await anext(requests, None)
    if request is None:
        raise InvalidInput("The call ended before the tokenizer was complete. Repeat it.", reason="incomplete_request")
    return request


def _decoded(kind: type[_Message], payload: bytes) -> _Message:
    try:
        return kind.FromString(payload)
    except DecodeError:
        raise failures.crashed() from None
