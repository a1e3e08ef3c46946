"""What a reader gives: pages, each with its elements."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2


@dataclass(frozen=True)
class Wishes:
    """How a caller wants a document read, where its format leaves a choice: see ParseStart."""

    strategy: parser_pb2.ReadStrategy = parser_pb2.READ_STRATEGY_AUTO
    languages: tuple[str, ...] = ()
    attachments: bool = False


@dataclass(frozen=True)
class Attachment:
    """A document inside of another. `opened` gives its bytes from the start, each time it is called."""

    name: str
    declared_media_type: str
    size_bytes: int
    opened: Callable[[], BinaryIO]


@dataclass
class Page:
    """One page, slide or sheet. The facts below `elements` are true once the elements were taken.

    Elements have kind, text, page, level, boxes and html; the assembler fills in the rest. `attachments` come behind
    the elements, in the same order for the same bytes.
    """

    elements: Iterable[document_pb2.Element]
    attachments: Iterable[Attachment] = ()
    ocr: bool = False
    skipped: bool = False
    truncations: int = 0
    warnings: list[str] = field(default_factory=list)


class Reader(Protocol):
    """Reads one document. `pages_total` is 0 while unknown; `properties` is told once all pages were read."""

    media_type: str
    route: str
    pages_total: int
    properties: document_pb2.Properties

    def pages(self, first: int) -> Iterator[Page]:
        """The pages from number `first` on, counted from 0, the same at every call."""
        ...
