"""Texts that are read as they stand: prose, programs, JSON; and markup that is light enough to be read so."""

import re
from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements
from lorekeep_parser.readers.markup import light_markup
from lorekeep_parser.readers.texts import json_text

_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_LIST_ITEM = re.compile(r"[ \t]*([-*•●▪◦‣]|\d{1,3}[.)])[ \t]+\S")
_GROUP_CHARACTERS = 16_000
_ROUTES = {Media.JSON: "json", Media.JSON_LINES: "json", Media.CODE: "code", Media.TEXT: "text"}


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "PlainReader":
    """Reads text of any kind."""
    return PlainReader(kind, decoding.decoded(path.read_bytes())[0])


class PlainReader:
    """One page."""

    pages_total = 1

    def __init__(self, kind: Media, text: str) -> None:
        self.properties = document_pb2.Properties()
        self.media_type = kind.value
        self.route = _ROUTES.get(kind, "light_markup")
        self._kind = kind
        self._text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")

    def pages(self, first: int) -> Iterator[Page]:
        """The one page."""
        if first == 0:
            yield Page(self._elements())

    def _elements(self) -> Iterator[elements.Element]:
        if self._kind is Media.JSON:
            return self._json()
        if self._kind is Media.JSON_LINES:
            return _grouped(json_text.records(self._text))
        if self._kind is Media.CODE:
            return _grouped(_PARAGRAPHS.split(self._text), "\n\n")
        if self._kind in light_markup.SHAPES:
            return light_markup.read(self._text, light_markup.SHAPES[self._kind])
        return paragraphs(self._text)

    def _json(self) -> Iterator[elements.Element]:
        """What is no JSON after all (comments, a broken end) stays as it is."""
        try:
            for piece in json_text.laid_out(self._text):
                yield _code(piece.lstrip("\n"))
        except json_text.NoJson:
            yield _code(self._text)


def paragraphs(text: str) -> Iterator[elements.Element]:
    """Passages between blank lines; lines of a list each for themselves."""
    for block in blocks(text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.split("\n")
        if len(lines) > 1 and all(map(_LIST_ITEM.match, lines)):
            for line in lines:
                yield elements.Element(kind=elements.Kind.ELEMENT_KIND_LIST_ITEM, text=line.strip())
        else:
            yield elements.text(block.strip("\n"))


def blocks(text: str) -> Iterator[str]:
    """What stands between blank lines."""
    start = 0
    for match in _PARAGRAPHS.finditer(text):
        if match.start() > start and text[start : match.start()].strip():
            yield text[start : match.start()]
        start = match.end()
    if text[start:].strip():
        yield text[start:]


def _grouped(lines: Iterator[str] | list[str], separator: str = "\n") -> Iterator[elements.Element]:
    """Lines as code elements of bounded length."""
    held: list[str] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length > _GROUP_CHARACTERS:
            yield _code(separator.join(held))
            held, length = [], 0
    if held:
        yield _code(separator.join(held))


def _code(text: str) -> elements.Element:
    return elements.Element(kind=elements.Kind.ELEMENT_KIND_CODE, text=text)
