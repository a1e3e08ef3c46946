"""Plain text and JSON, which need no library."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import decoding
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements

_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_LIST_ITEM = re.compile(r"[ \t]*([-*•●▪◦‣]|\d{1,3}[.)])[ \t]+\S")


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "PlainReader":
    """Reads text or JSON."""
    text = decoding.decoded(path.read_bytes())[0]
    return PlainReader(kind, text)


class PlainReader:
    """One page of paragraphs, or of JSON laid out one value a line."""

    pages_total = 1

    def __init__(self, kind: Media, text: str) -> None:
        self.properties = document_pb2.Properties()
        self.media_type = kind.value
        self.route = "json" if kind is Media.JSON else "text"
        self._text = text

    def pages(self, first: int) -> Iterator[Page]:
        """The one page."""
        if first == 0:
            yield Page(self._json() if self.route == "json" else paragraphs(self._text))

    def _json(self) -> Iterator[elements.Element]:
        """Keys as they are written; what is no JSON after all (JSON lines, comments) stays as it is."""
        try:
            text = json.dumps(json.loads(self._text), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            text = self._text
        yield elements.Element(kind=elements.Kind.ELEMENT_KIND_CODE, text=text)


def paragraphs(text: str) -> Iterator[elements.Element]:
    """Passages between blank lines; lines of a list each for themselves."""
    for block in _split(text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.split("\n")
        if len(lines) > 1 and all(map(_LIST_ITEM.match, lines)):
            for line in lines:
                yield elements.Element(kind=elements.Kind.ELEMENT_KIND_LIST_ITEM, text=line.strip())
        else:
            yield elements.text(block.strip("\n"))


def _split(text: str) -> Iterator[str]:
    start = 0
    for match in _PARAGRAPHS.finditer(text):
        if match.start() > start and text[start : match.start()].strip():
            yield text[start : match.start()]
        start = match.end()
    if text[start:].strip():
        yield text[start:]
