"""The way of chunking that the options name, behind one seam."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunker import Chunker
from lorekeep_parser.tokens import Counter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Asks the caller for vectors: 1 to 256 texts, none blank; one row a text.
Vectors = Callable[[list[str]], "NDArray[np.float32]"]


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
    return Chunker(options, counter)
