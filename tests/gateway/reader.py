"""A parser that tells what it was told to where nothing is counted in tokens, and remembers what it was asked and
sent; where tokens are counted it reads, as the one of the ingest tests."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.ingest.services import Parser

from lorekeep.document.v1.document_pb2 import Chunk, Element, ElementKind, Verdict
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import calls, errors


class FakeParser(Parser):
    """Answers with `elements`, the chunks that go with them, and `verdict`. `failures` come first, one a call."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: list[bytes] = []
        self.organisations: list[str] = []
        self.failures: list[errors.LorekeepError] = []
        self.elements: list[Element] = []
        self.chunks: list[Chunk] = []
        self.verdict = Verdict(language="en", media_type="text/plain", pages_read=1)
        self.breaks_off = False
        self.open = asyncio.Event()
        self.open.set()
        self.left = asyncio.Event()

    async def Parse(self, requests: Any, context: Any) -> AsyncIterator[parser_pb2.ParseResponse]:
        stream = aiter(requests)
        opening = await anext(stream)
        start = opening.start
        if start.chunk_options.tokenizer_fingerprint:
            async for response in super().Parse(_again(opening, stream), context):
                yield response
            return
        self.starts.append(start)
        self.organisations.append(calls.current().organisation_id)
        if self.failures:
            raise self.failures.pop(0)
        yield parser_pb2.ParseResponse(accepted=parser_pb2.Accepted())
        try:
            await self.open.wait()
        finally:
            self.left.set()
        content = b""
        while len(content) < start.size_bytes:
            content += (await anext(stream)).data
        self.contents.append(content)
        for element in self.elements:
            yield parser_pb2.ParseResponse(element=element)
        for chunk in self.chunks if start.HasField("chunk_options") else ():
            yield parser_pb2.ParseResponse(chunk=chunk)
        if not self.breaks_off:
            yield parser_pb2.ParseResponse(finished=parser_pb2.Finished(verdict=self.verdict))


async def _again(opening: Any, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    yield opening
    async for request in stream:
        yield request


def element(kind: str, text: str, **fields: Any) -> Element:
    """An element of a kind by its short name, `HEADING`."""
    return Element(kind=ElementKind.Value(f"ELEMENT_KIND_{kind}"), text=text, **fields)


def placed(*elements: Element) -> list[Element]:
    """The same with ordinals and offsets, as a parser gives them."""
    start = 0
    for ordinal, each in enumerate(elements):
        each.ordinal, each.start, each.end = ordinal, start, start + len(each.text)
        start = each.end + 2
    return list(elements)
