"""Headings, code, tables and lists in a text that is marked up and was read as plain text."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.chunking.pieces import Kind

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+\S")
_UNDERLINE = re.compile(r" {0,3}(={2,}|-{3,})[ \t]*$")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_TABLE_RULE = " \t|:-"
_MAX_HEADING_CHARACTERS = 300
_READ = frozenset({Kind.ELEMENT_KIND_TEXT, Kind.ELEMENT_KIND_LIST_ITEM})
_TABLE_HTML = "<table></table>"


class _Block(NamedTuple):
    """A block that begins at a line's beginning, `start`. `level` and `title` are a heading's."""

    start: int
    kind: document_pb2.ElementKind
    level: int = 0
    title: str = ""


class Outline:
    """Walks through a document. What has headings of its own, or boxes on a page, is left as it is."""

    def __init__(self) -> None:
        self._headings: list[tuple[int, str]] = []
        self._fence = ""
        self._structured = False

    def blocks(self, element: document_pb2.Element) -> Iterator[tuple[document_pb2.Element, str]]:
        """The element in blocks, each with what it is called where it is a heading. Between two is one line's end."""
        self._structured = self._structured or element.kind == Kind.ELEMENT_KIND_HEADING or bool(element.heading_path)
        if self._structured:
            yield element, element.text
            return
        if element.boxes or element.kind not in _READ:
            yield self._placed(element, _Block(0, element.kind), len(element.text)), element.text
            return
        found = list(self._found(element.text))
        for number, block in enumerate(found):
            end = found[number + 1].start - 1 if number + 1 < len(found) else len(element.text)
            yield self._placed(element, block, end), block.title

    def _placed(self, element: document_pb2.Element, block: _Block, end: int) -> document_pb2.Element:
        placed = document_pb2.Element()
        placed.CopyFrom(element)
        placed.text, placed.kind, placed.level = element.text[block.start : end], block.kind, block.level
        placed.start, placed.end = element.start + block.start, element.start + end
        if block.kind == Kind.ELEMENT_KIND_TABLE:
            placed.html = placed.html or _TABLE_HTML
        if block.level:
            self._headings = [each for each in self._headings if each[0] < block.level]
        placed.heading_path[:] = [title for _, title in self._headings]
        if block.level:
            self._headings.append((block.level, block.title))
        return placed

    def _found(self, text: str) -> Iterator[_Block]:
        """The blocks of a text in order, the first at its beginning; blank lines belong to what is before them."""
        lines, number = list(_lines(text)), 0
        open_kind, blank = Kind.ELEMENT_KIND_UNSPECIFIED, True
        while number < len(lines):
            start, line = lines[number]
            following = lines[number + 1][1] if number + 1 < len(lines) else ""
            block = self._begun(start, line, following, open_kind, blank)
            if block:
                yield block
                open_kind = block.kind
            # The underline of a heading is part of it.
            number += 2 if block and block.level and not _HEADING.match(line) else 1
            blank = not line.strip()

    def _begun(
        self, start: int, line: str, following: str, open_kind: document_pb2.ElementKind, blank: bool
    ) -> _Block | None:
        """The block that a line begins; None where it goes on with the one that is open."""
        if self._fence:
            closes = line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0])
            self._fence = "" if closes else self._fence
            return None if open_kind == Kind.ELEMENT_KIND_CODE else _Block(start, Kind.ELEMENT_KIND_CODE)
        if fence := _FENCE.match(line):
            self._fence = fence.group(1)
            return _Block(start, Kind.ELEMENT_KIND_CODE)
        if not line.strip() and open_kind:
            return None
        first = blank or open_kind != Kind.ELEMENT_KIND_TEXT
        return _heading(start, line, following if first else "") or _plain(start, line, following, open_kind, blank)

    def state(self) -> dict[str, Any]:
        """What is open, as JSON."""
        return {"headings": self._headings, "fence": self._fence, "structured": self._structured}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Outline":
        """Reads `state` back."""
        outline = cls()
        outline._headings = [(int(level), str(title)) for level, title in state["headings"]]
        outline._fence, outline._structured = str(state["fence"]), bool(state["structured"])
        return outline


def _heading(start: int, line: str, following: str) -> _Block | None:
    """A heading by its number signs, or by the line under it."""
    if len(line) > _MAX_HEADING_CHARACTERS:
        return None
    if signs := _HEADING.match(line):
        title = line.strip().strip("#").strip()
        return _Block(start, Kind.ELEMENT_KIND_HEADING, len(signs.group(1)), title or line.strip())
    if line.strip() and not _ITEM.match(line) and (under := _UNDERLINE.match(following)):
        return _Block(start, Kind.ELEMENT_KIND_HEADING, 1 if under.group(1)[0] == "=" else 2, line.strip())
    return None


def _plain(start: int, line: str, following: str, open_kind: document_pb2.ElementKind, blank: bool) -> _Block | None:
    if open_kind == Kind.ELEMENT_KIND_TABLE and "|" in line and not blank:
        return None
    if "|" in line and "|" in following and "-" in following and not following.strip(_TABLE_RULE):
        return _Block(start, Kind.ELEMENT_KIND_TABLE)
    if _ITEM.match(line):
        return _Block(start, Kind.ELEMENT_KIND_LIST_ITEM)
    if open_kind == Kind.ELEMENT_KIND_LIST_ITEM and (not blank or line.startswith((" ", "\t"))):
        return None
    return None if open_kind == Kind.ELEMENT_KIND_TEXT and not blank else _Block(start, Kind.ELEMENT_KIND_TEXT)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with the place where it begins."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1
