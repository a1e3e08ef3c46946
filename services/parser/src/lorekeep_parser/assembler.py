"""Puts what readers give in order: ordinals, offsets in the canonical text, heading paths, segments.

The canonical text is the elements' texts joined by a blank line. A segment's text begins with the blank line that parts
it from the one before, so that segments joined with nothing between are the canonical text. Page headers and footers
are held back and put before a heading that comes after some pages, or at the end: they belong to no passage, and
between two lines of one they would tear it. Where they go does not depend on where batches end. A table longer than one
element goes on in elements without HTML, which is how the chunker knows.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError

from lorekeep.document.v1 import document_pb2

Kind = document_pb2.ElementKind

SEPARATOR = "\n\n"
MAX_ELEMENT_CHARACTERS = 65_536
# A batch is ended early at this length, whatever its pages, so that its message stays within 4 MB.
MAX_SEGMENT_CHARACTERS = 262_144
_MAX_HTML_CHARACTERS = 262_144
_MAX_HEADING_CHARACTERS = 300
_MAX_LEVEL = 9
_MAX_BOXES = 64
# Page headers and footers that wait for a heading, and the most that wait at all: they are in the resume state.
_ENOUGH_FURNITURE, _MOST_FURNITURE, _MOST_FURNITURE_BYTES = 8, 64, 16_384
_FURNITURE = frozenset({Kind.ELEMENT_KIND_PAGE_HEADER, Kind.ELEMENT_KIND_PAGE_FOOTER})
# Where leading white space is part of the text's shape.
_SHAPED = frozenset({Kind.ELEMENT_KIND_CODE, Kind.ELEMENT_KIND_TABLE})
# Control characters but for tab and newline, and halves of surrogate pairs: no protobuf string may hold the latter.
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_MANY_NEWLINES = re.compile(r"\n{3,}")
_EMPTY_TABLE = "<table></table>"


class Assembler:
    """Counts through one document. `segment_characters` is the length of the open segment."""

    def __init__(self) -> None:
        self.ordinal = 0
        self.length = 0
        self._headings: list[tuple[int, str]] = []
        self._furniture: list[document_pb2.Element] = []
        self._segment_ordinal = 0
        self._segment_start = 0
        self._parts: list[str] = []

    @property
    def segment_characters(self) -> int:
        """Characters of the open segment."""
        return self.length - self._segment_start

    def add(self, element: document_pb2.Element) -> Iterator[document_pb2.Element]:
        """Places what a reader gave, `in_parts`: kind, text, page, level, boxes, html. Blank text gives nothing."""
        element.text = cleaned(element.text)
        if element.kind not in _SHAPED:
            element.text = element.text.strip()
        if not element.text:
            return
        if element.kind in _FURNITURE:
            self._furniture.append(element)
            if sum(each.ByteSize() for each in self._furniture) > _MOST_FURNITURE_BYTES:
                yield from self.finish()
            return
        heading = element.kind == Kind.ELEMENT_KIND_HEADING
        if len(self._furniture) >= (_ENOUGH_FURNITURE if heading else _MOST_FURNITURE):
            yield from self.finish()
        self._note_heading(element)
        yield from self._placed(element)

    def finish(self) -> Iterator[document_pb2.Element]:
        """Places what was held back."""
        held, self._furniture = self._furniture, []
        for element in held:
            yield from self._placed(element)

    def segment(self) -> document_pb2.Segment:
        """Closes the open segment; its elements are left to the caller."""
        segment = document_pb2.Segment(
            ordinal=self._segment_ordinal, start=self._segment_start, text="".join(self._parts)
        )
        self._segment_ordinal += 1
        self._segment_start = self.length
        self._parts = []
        return segment

    def _note_heading(self, element: document_pb2.Element) -> None:
        if element.kind == Kind.ELEMENT_KIND_HEADING and len(element.text) > _MAX_HEADING_CHARACTERS:
            element.kind = Kind.ELEMENT_KIND_TEXT
        if element.kind != Kind.ELEMENT_KIND_HEADING:
            element.level = 0
            element.heading_path[:] = [text for _, text in self._headings]
            return
        element.text = " ".join(element.text.split())
        element.level = min(max(element.level, 1), _MAX_LEVEL)
        self._headings = [each for each in self._headings if each[0] < element.level]
        element.heading_path[:] = [text for _, text in self._headings]
        self._headings.append((element.level, element.text))

    def _placed(self, element: document_pb2.Element) -> Iterator[document_pb2.Element]:
        if len(element.html) > _MAX_HTML_CHARACTERS:
            element.html = _EMPTY_TABLE
        del element.boxes[_MAX_BOXES:]
        self._append(element)
        yield element

    def _append(self, element: document_pb2.Element) -> None:
        separator = SEPARATOR if self.ordinal else ""
        element.ordinal = self.ordinal
        element.start = self.length + len(separator)
        element.end = element.start + len(element.text)
        self._parts += [separator, element.text]
        self.length = element.end
        self.ordinal += 1

    def state(self) -> dict[str, Any]:
        """What is open behind a batch, as JSON."""
        return {
            "ordinal": self.ordinal,
            "length": self.length,
            "headings": self._headings,
            "segment": self._segment_ordinal,
            "furniture": base64.b64encode(document_pb2.Segment(elements=self._furniture).SerializeToString()).decode(),
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Assembler":
        """Reads `state` back; KeyError, TypeError or ValueError where it is none."""
        assembler = cls()
        assembler._furniture = list(_segment(state["furniture"]).elements)
        assembler.ordinal, assembler.length = int(state["ordinal"]), int(state["length"])
        assembler._headings = [(int(level), str(text)) for level, text in state["headings"]]
        assembler._segment_ordinal, assembler._segment_start = int(state["segment"]), assembler.length
        return assembler


def _segment(data: str) -> document_pb2.Segment:
    try:
        return document_pb2.Segment.FromString(base64.b64decode(data))
    except DecodeError as error:
        raise ValueError("no segment") from error


def in_parts(elements: Iterable[document_pb2.Element]) -> Iterator[document_pb2.Element]:
    """Elements as readers give them, those of which the text is too long for one as several, so that a batch may end
    between them."""
    for element in elements:
        if len(element.text) <= MAX_ELEMENT_CHARACTERS:
            yield element
            continue
        text, element.text = element.text, ""  # which would be copied whole for each of its parts
        for each in parted(text):
            part = document_pb2.Element()
            part.CopyFrom(element)
            part.text = each
            yield part
            element.html = ""


def cleaned(text: str) -> str:
    """Text without control characters and outer white space; line ends as newlines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\v", "\n")
    # Leading spaces of the first line are kept: in code they are its shape.
    text = _MANY_NEWLINES.sub("\n\n", _UNWANTED.sub("", text)).rstrip()
    return text.lstrip("\n") if text.strip() else ""


def parted(text: str) -> Iterator[str]:
    """A text in parts of at most 65,536 characters, cut at a line, else between words, where there is such a place."""
    start = 0
    while len(text) - start > MAX_ELEMENT_CHARACTERS:
        least, most = start + MAX_ELEMENT_CHARACTERS // 2, start + MAX_ELEMENT_CHARACTERS
        place = text.rfind("\n", least, most)
        if place < 0:
            place = text.rfind(" ", least, most)
        end = most if place < 0 else place
        if text[start:end].strip():
            yield text[start:end]
        start = end if place < 0 else place + 1
    if text[start:].strip():
        yield text[start:]
