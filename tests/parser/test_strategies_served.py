"""Every way of chunking through a real parser: Chunk over stored elements gives what Parse gave on the way."""

import asyncio
from typing import Any

import pytest
from grpc import StatusCode
from grpc.aio import EOF
from tests.parser import small_files
from tests.parser.parser_process import OWNER, Client
from tests.parser.passages import STRATEGIES, vectors_of

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import calls

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MARKED = "".join(
    f"# Lamp {each}\n\nThe keeper of lamp {each} climbed the stairs. It was dark.\n\n```\nlight({each})\n```\n\n"
    f"|name|height|\n|-|-|\n|lamp {each}|{each * 7}|\n\n- oil\n- wick\n\n"
    for each in range(300)
)


class _Call:
    """A call that writes all it has, and gives vectors wherever they are asked for."""

    def __init__(self, call: Any, kind: type[Any]) -> None:
        self._call = call
        self._kind = kind
        self.asked: list[int] = []

    async def answers(self, requests: list[Any]) -> list[Any]:
        writing = asyncio.create_task(self._write(requests))
        answers = []
        while (answer := await asyncio.wait_for(self._call.read(), 60)) is not EOF:
            if answer.HasField("vectors_required"):
                await writing
                await self._give(list(answer.vectors_required.texts))
            else:
                answers.append(answer)
        assert await self._call.code() is StatusCode.OK
        return answers

    async def _write(self, requests: list[Any]) -> None:
        for each in requests:
            await self._call.write(each)

    async def _give(self, texts: list[str]) -> None:
        rows = vectors_of(texts).astype("<f4")
        self.asked.append(len(rows))
        vectors = parser_pb2.Vectors(vectors=rows.tobytes(), dimensions=rows.shape[1])
        await self._call.write(self._kind(vectors=vectors))


def _options(client: Client, strategy: int, unit: int) -> parser_pb2.ChunkOptions:
    tokens = unit == parser_pb2.CHUNK_UNIT_TOKENS
    return parser_pb2.ChunkOptions(
        max_tokens=120 if tokens else 700,
        overlap_tokens=20,
        min_tokens=30,
        strategy=strategy,
        unit=unit,
        prefix="passage: ",
        tokenizer_fingerprint=client.fingerprint if tokens else "",
    )


@pytest.mark.parametrize("unit", [parser_pb2.CHUNK_UNIT_TOKENS, parser_pb2.CHUNK_UNIT_CHARACTERS])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("name", "data"), [("book.pdf", small_files.book(9)), ("marked.txt", _MARKED.encode())])
async def test_chunk_agrees_with_parse(client: Client, name: str, data: bytes, strategy: int, unit: int) -> None:
    await client.parse(b"Some text.", "a.txt")  # the parser has the tokenizer then
    options = _options(client, strategy, unit)
    with calls.calling_as(OWNER):
        call = _Call(client.stub.Parse(timeout=60), parser_pb2.ParseRequest)
        opening = parser_pb2.ParseStart(name=name, size_bytes=len(data), chunk_options=options, batch_pages=2)
        parsed = await call.answers([parser_pb2.ParseRequest(start=opening), parser_pb2.ParseRequest(data=data)])
        elements = [each.element for each in parsed if each.HasField("element")]
        again = _Call(client.stub.Chunk(timeout=60), parser_pb2.ChunkRequest)
        rechunked = await again.answers([parser_pb2.ChunkRequest(start=options), *_segments(elements)])
    assert bool(call.asked) == bool(again.asked) == (strategy == parser_pb2.CHUNK_STRATEGY_SEMANTIC)
    chunks = [each.chunk for each in parsed if each.HasField("chunk")]
    assert chunks == [each.chunk for each in rechunked if each.HasField("chunk")]
    assert len(chunks) > 8


def _segments(elements: list[document_pb2.Element]) -> list[parser_pb2.ChunkRequest]:
    """The elements, a few at a time, with a segment without any among them."""
    segments = [document_pb2.Segment(elements=elements[start : start + 50]) for start in range(0, len(elements), 50)]
    segments.insert(1, document_pb2.Segment())
    requests = [parser_pb2.ChunkRequest(segment=each) for each in segments]
    return [*requests, parser_pb2.ChunkRequest(segments_end=parser_pb2.SegmentsEnd())]
