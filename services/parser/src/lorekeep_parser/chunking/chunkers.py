"""The way of chunking that the options name, behind one seam."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunking.chunker import Chunker
from lorekeep_parser.chunking.fixed import FixedChunker
from lorekeep_parser.chunking.hierarchical import HierarchicalChunker
from lorekeep_parser.chunking.markdown import MarkdownChunker
from lorekeep_parser.chunking.recursive import RecursiveChunker
from lorekeep_parser.chunking.semantic import SemanticChunker, Vectors
from lorekeep_parser.chunking.tokens import Counter

__all__ = ["Chunking", "Vectors", "chunker_of"]

_WITHOUT_VECTORS: Mapping[int, Callable[[parser_pb2.ChunkOptions, Counter], "Chunking"]] = {
    parser_pb2.CHUNK_STRATEGY_RECURSIVE: RecursiveChunker,
    parser_pb2.CHUNK_STRATEGY_FIXED: FixedChunker,
    parser_pb2.CHUNK_STRATEGY_MARKDOWN: MarkdownChunker,
    parser_pb2.CHUNK_STRATEGY_HIERARCHICAL: HierarchicalChunker,
}


class Chunking(Protocol):
    """Cuts the elements of one document, in order, into chunks."""

    @property
    def count(self) -> int:
        """Chunks so far."""
        ...

    def add(self, element: document_pb2.Element) -> Iterator[document_pb2.Chunk]:
        """Takes the next element; gives the chunks that closed."""
        ...

    def finish(self) -> Iterator[document_pb2.Chunk]:
        """Closes what is open."""
        ...

    def state(self) -> dict[str, Any]:
        """What is open, as JSON of bounded size."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave; KeyError, TypeError, ValueError or IndexError where it is none."""
        ...


def chunker_of(options: parser_pb2.ChunkOptions, counter: Counter, vectors: Vectors | None) -> Chunking:
    """`options` have their defaults filled in. `vectors` is None where there is nobody to ask."""
    if options.strategy == parser_pb2.CHUNK_STRATEGY_SEMANTIC:
        return SemanticChunker(options, counter, vectors)
    return _WITHOUT_VECTORS.get(options.strategy, Chunker)(options, counter)
