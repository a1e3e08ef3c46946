"""Chunks at the headings of Markdown; code blocks and tables whole where they fit."""

from collections.abc import Iterator
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunking import chunk_facts
from lorekeep_parser.chunking.chunker import Chunker
from lorekeep_parser.chunking.markdown_outline import Outline
from lorekeep_parser.chunking.pieces import Costs
from lorekeep_parser.chunking.tokens import Counter

_WHOLE_BLOCKS = Costs(whole=2.0)


class MarkdownChunker(Chunker):
    """As `by_title`, with the structure that a text without any is marked up with."""

    def __init__(self, options: parser_pb2.ChunkOptions, counter: Counter) -> None:
        super().__init__(options, counter, _WHOLE_BLOCKS)
        self._outline = Outline()

    def add(self, element: document_pb2.Element) -> Iterator[document_pb2.Chunk]:
        """Takes the next element block by block."""
        if element.kind in chunk_facts.FURNITURE:
            yield from self.finish()
            return
        for block, title in self._outline.blocks(element):
            yield from self._added(block, title)

    def state(self) -> dict[str, Any]:
        """What is open, as JSON."""
        return {**super().state(), "outline": self._outline.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        super().restore(state)
        self._outline = Outline.restored(state["outline"])
