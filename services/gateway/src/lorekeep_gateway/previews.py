"""Previews: how a document would be read and cut, without keeping anything of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lorekeep.document.v1.document_pb2 import Chunk, Properties, Segment, Verdict
from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import client_calls, errors
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest import parser_calls
from lorekeep_gateway.ingest.pipes import Pipe, beside
from lorekeep_gateway.reading import Reading

MOST_PAGES = 100
_BATCH_PAGES = 2
_ANSWER_SECONDS = 300.0


@dataclass
class Preview:
    """What came of it: the first chunks, `whole` where these are all, and what was read where that is known."""

    chunks: list[Chunk] = field(default_factory=list)
    whole: bool = False
    verdict: Verdict | None = None
    properties: Properties | None = None


@dataclass(frozen=True)
class Original:
    """Bytes to preview, and what is said of them."""

    name: str
    media_type: str
    size_bytes: int
    pieces: Iterator[bytes]


class Previews:
    """Asks the parser for the first `limit` chunks as a collection of `model` would have them, and stops it there."""

    def __init__(
        self, callees: Callees, model: embedder_pb2.Model, options: parser_pb2.ChunkOptions, limit: int
    ) -> None:
        self._stub = callees.parser
        self._supplies = _Supplies(callees, model)
        self._options = options
        self._limit = limit
        self._turn = asyncio.Lock()  # no segment overtakes vectors that the parser waits for

    async def of_original(self, original: Original, reading: Reading) -> Preview:
        """Reads a document, of a long one no more than its first pages. Errors are the parser's."""
        start = replace(reading, attachments=False).start(
            name=original.name,
            declared_media_type=original.media_type,
            size_bytes=original.size_bytes,
            chunk_options=self._options,
            batch_pages=_BATCH_PAGES,
            last_page=MOST_PAGES,
        )

        async def opening(accepted: "asyncio.Future[bool]", requests: Pipe[parser_pb2.ParseRequest]) -> None:
            await requests.put(parser_pb2.ParseRequest(start=start))
            tokenizer_required = await accepted
            for piece in original.pieces:
                await requests.put(parser_pb2.ParseRequest(data=piece))
            if tokenizer_required:
                await parser_calls.send_tokenizer(requests, parser_pb2.ParseRequest, self._supplies)

        return await self._asked(self._stub.Parse, parser_pb2.ParseRequest, opening)

    async def of_segments(self, segments: AsyncIterator[Segment]) -> Preview:
        """Cuts what was read of a document before."""

        async def opening(accepted: "asyncio.Future[bool]", requests: Pipe[parser_pb2.ChunkRequest]) -> None:
            await requests.put(parser_pb2.ChunkRequest(start=self._options))
            if await accepted:
                await parser_calls.send_tokenizer(requests, parser_pb2.ChunkRequest, self._supplies)
            async for each in segments:
                sent = Segment(ordinal=each.ordinal, start=each.start, elements=each.elements)
                async with self._turn:
                    await requests.put(parser_pb2.ChunkRequest(segment=sent))
            await requests.put(parser_pb2.ChunkRequest(segments_end=parser_pb2.SegmentsEnd()))

        return await self._asked(self._stub.Chunk, parser_pb2.ChunkRequest, opening)

    async def _asked(self, method: Any, kind: Any, opening: Any) -> Preview:
        """The caller's side stays open for vectors; the call is ended by the parser, or by us once there is enough."""
        preview = Preview()
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        requests: Pipe[Any] = Pipe(1)
        async with client_calls.translated():
            call = method(aiter(requests))
            try:
                await beside(self._receive(call, kind, requests, accepted, preview), opening(accepted, requests))
            finally:
                requests.abandon()
                call.cancel()
        return preview

    async def _receive(
        self, call: Any, kind: Any, requests: Pipe[Any], accepted: "asyncio.Future[bool]", preview: Preview
    ) -> None:
        while (answer := await parser_calls.next_answer(call, _ANSWER_SECONDS)) is not parser_calls.EOF:
            part = answer.WhichOneof("part")
            if part == "accepted":
                accepted.set_result(answer.accepted.tokenizer_required)
            elif part == "vectors_required":
                async with self._turn:
                    await parser_calls.send_vectors(requests, kind, self._supplies, answer.vectors_required)
            elif part == "chunk":
                if len(preview.chunks) == self._limit:
                    return
                preview.chunks.append(answer.chunk)
            elif part == "finished":
                preview.whole, preview.verdict = True, answer.finished.verdict
                preview.properties = answer.finished.properties
        preview.whole = preview.whole or kind is parser_pb2.ChunkRequest


class _Supplies:
    """Tokenizer and vectors for somebody who waits; see `parser_calls.Supplies`."""

    def __init__(self, callees: Callees, model: embedder_pb2.Model) -> None:
        self._stub = callees.embedder
        self._model = model

    async def tokenizer(self) -> bytes:
        """The model's tokenizer.json."""
        request = embedder_pb2.GetTokenizerRequest(tokenizer_fingerprint=self._model.tokenizer_fingerprint)
        return b"".join([piece.data async for piece in self._stub.GetTokenizer(request)])

    async def vectors(self, texts: Sequence[str]) -> parser_pb2.Vectors:
        """Vectors of sentences."""
        request = embedder_pb2.EmbedRequest(
            model=self._model.name,
            texts=texts,
            purpose=embedder_pb2.PURPOSE_PASSAGE,
            expected_fingerprint=self._model.fingerprint,
        )
        answer: embedder_pb2.EmbedResponse = await self._stub.Embed(request)
        if answer.model.dimensions == 0:
            raise errors.Internal
        return parser_pb2.Vectors(vectors=answer.vectors, dimensions=answer.model.dimensions)
