"""What a reader gives: pages, each with its elements."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from lorekeep.document.v1 import document_pb2


@dataclass
class Page:
    """One page, slide or sheet. The facts below `elements` are true once the elements were taken.

    Elements have kind, text, page, level, boxes and html; the assembler fills in the rest.
    """

    elements: Iterable[document_pb2.Element]
    ocr: bool = False
    skipped: bool = False
    truncations: int = 0
    warnings: list[str] = field(default_factory=list)


class Reader(Protocol):
    """Reads one document. `pages_total` is 0 while unknown."""

    media_type: str
    route: str
    pages_total: int

    def pages(self, first: int) -> Iterator[Page]:
        """The pages from number `first` on, counted from 0, the same at every call."""
        ...
