"""Markdown by markdown-it: rendered to HTML, which is read like any other; front matter by a safe YAML loader."""

import re
import sys
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, property_fields, rows
from lorekeep_parser.readers.markup import light_markup, markdown_tables
from lorekeep_parser.readers.markup.html_flow import html_elements
from lorekeep_parser.readers.markup.html_head import Head

_FRONT_MATTER = re.compile(r"\ufeff?---[ \t]*\r?\n((?:(?!---|\.\.\.).*+\r?\n)*+)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)")
_MAX_FRONT_MATTER = 65_536
_PIECE_CHARACTERS = 1_000_000
_HEADING = re.compile(r"\n(?=#{1,3} )")
_BLANK = re.compile(r"\n[ \t]*\n")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
# A note of one word looks like the definition of a link, and would be one.
_NOTE = re.compile(r"^( {0,3})(\[\^[^\]\n]{1,100}\]:[ \t]*+[^\s]++[ \t]*)$", re.MULTILINE)
# Nested deeper than any parser goes along with.
_DEEP = re.compile(r"^[ \t]*+(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]*+){60}|^[ \t]{400}", re.MULTILINE)
# What is longer, or opens brackets without end, is read by its lines: the parser's time grows with the square of such.
_MAX_CHARACTERS = 16_000_000
_MAX_CELL = 2000
_MAX_OPEN_BRACKETS = 500
_MAX_LINE = 50_000
_MAX_NESTING = 200
_RECURSION = 10_000
_KEPT = "markup_kept: parts of the Markdown are too long or too deep to be taken apart; their signs are in the text"


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "MarkdownReader":
    """Reads Markdown."""
    return MarkdownReader(decoding.decoded(path.read_bytes())[0])


class MarkdownReader:
    """One page."""

    media_type = Media.MARKDOWN.value
    route = "markdown"
    pages_total = 1

    def __init__(self, text: str) -> None:
        self.properties = document_pb2.Properties()
        self._text = text.replace("\x00", "").lstrip("\ufeff")

    def pages(self, first: int) -> Iterator[Page]:
        """The whole document."""
        if first == 0:
            page = Page(())
            page.elements = self._elements(page)
            yield page

    def _elements(self, page: Page) -> Iterator[elements.Element]:
        text = self._text
        if text.startswith("---") and (match := _FRONT_MATTER.match(text)):
            text = text[match.end() :]
            yield elements.Element(kind=elements.Kind.ELEMENT_KIND_FRONT_MATTER, text=match[1])
            tell_front_matter(match[1], self.properties)
        for each in markdown_elements(text, warnings=page.warnings):
            if not self.properties.title and each.kind == elements.Kind.ELEMENT_KIND_HEADING:
                self.properties.title = property_fields.line(each.text, 1024)
            yield each


def markdown_elements(text: str, page: int = 0, warnings: list[str] | None = None) -> Iterator[elements.Element]:
    """The elements of a text in Markdown; `warnings` takes what a person should know of how it was read."""
    for part in markdown_tables.parted(text) if len(text) <= _MAX_CHARACTERS else [text]:
        if isinstance(part, markdown_tables.LongTable):
            yield from rows.tables(part.rows(_cell), page)
            continue
        for piece in _pieces(part):
            if len(text) <= _MAX_CHARACTERS and not _is_hostile(piece):
                yield from html_elements(_rendered(piece), page, Head())
                continue
            if warnings is not None and _KEPT not in warnings:
                warnings.append(_KEPT)
            yield from light_markup.read(piece, light_markup.MARKDOWN)


def _cell(text: str) -> str:
    """A cell of a long table, read like any other passage."""
    if len(text) > _MAX_CELL or _is_hostile(text):
        return text
    return " ".join(each.text for each in html_elements(_parser().renderInline(text), 0, Head()))


def _is_hostile(piece: str) -> bool:
    longest = max(map(len, piece.split("\n")))
    brackets = piece.count("[") - piece.count("]") > _MAX_OPEN_BRACKETS
    return longest > _MAX_LINE or brackets or bool(_DEEP.search(piece))


def tell_front_matter(block: str, properties: document_pb2.Properties) -> None:
    """Properties from YAML; what is none tells none."""
    import yaml

    if len(block) > _MAX_FRONT_MATTER:
        return
    try:
        told = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return
    if not isinstance(told, dict):
        return
    property_fields.tell(
        properties,
        title=_one(told.get("title")),
        authors=_several(told.get("author") or told.get("authors")),
        created=_one(told.get("date") or told.get("created")),
        modified=_one(told.get("updated") or told.get("modified") or told.get("lastmod")),
        subject=_one(told.get("description") or told.get("summary")),
        keywords=_several(told.get("keywords") or told.get("tags")),
    )


def _one(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, (str, int, float)) else ""


def _several(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_one(each.get("name") if isinstance(each, dict) else each) for each in value[:200]]
    return _one(value).split(",")


def _rendered(text: str) -> str:
    rendered: str = _parser().render(_NOTE.sub(r"\1\\\2", text))
    return rendered


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION))
    return MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])


def _pieces(text: str) -> Iterator[str]:
    """Pieces of about a million characters, cut at headings or blank lines outside of fenced code."""
    start = 0
    while len(text) - start > _PIECE_CHARACTERS:
        end = _cut(text, start)
        yield text[start:end]
        start = end
    yield text[start:]


def _cut(text: str, start: int) -> int:
    least, most = start + _PIECE_CHARACTERS // 2, start + _PIECE_CHARACTERS
    for place in (_HEADING, _BLANK):
        found = [match.end() for match in place.finditer(text, least, most)][-50:]
        for end in reversed(found):
            if len(_FENCE.findall(text, start, end)) % 2 == 0:
                return end
    line = text.rfind("\n", least, most)
    return line + 1 if line > 0 else most
