"""HTML to elements in one pass over what lxml's parser meets: no tree, so neither size nor depth costs more than time.

Nothing that a reader of the page could see is left out: text outside of paragraphs, cells, captions, options,
summaries, and the descriptions of images, which come behind their passage.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.markup.html_head import Head
from lorekeep_parser.readers.markup.html_tables import HtmlTable

_PIECE_CHARACTERS = 65_536
_MAX_HEADING_CHARACTERS = 1000
_MAX_ALT_CHARACTERS = 2000
_SKIPPED = frozenset({"script", "style", "template"})
_PRE = frozenset({"pre", "listing", "xmp", "plaintext"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_KINDS = {
    "li": Kind.ELEMENT_KIND_LIST_ITEM, "option": Kind.ELEMENT_KIND_LIST_ITEM,
    "figcaption": Kind.ELEMENT_KIND_CAPTION, "caption": Kind.ELEMENT_KIND_CAPTION,
}  # fmt: skip
_BLOCKS = frozenset({
    "html", "head", "body", "address", "article", "aside", "blockquote", "center", "dd", "details", "dialog",
    "dir", "div", "dl", "dt", "fieldset", "figure", "footer", "form", "frameset", "header", "hgroup", "hr",
    "legend", "main", "menu", "nav", "ol", "optgroup", "p", "search", "section", "select", "summary", "tbody",
    "tfoot", "thead", "tr", "ul", "table", "td", "th", "noscript", "iframe", "object", "video", "audio", "canvas",
    "svg", "text", "desc", "textarea",
}) | {*_PRE, *_HEADINGS, *_KINDS}  # fmt: skip
_LISTS = frozenset({"ul", "ol", "menu", "dir", "dl", "select"})
_WHITE = re.compile(r"[ \t\n\r\f\xa0]+")
_SPACES = re.compile(r"  +")
_LINE_ENDS = re.compile(r" ?\n ?")


class Flow:
    """What the parser reports its events to. `taken` gives the elements that are whole."""

    def __init__(self, page: int, head: Head) -> None:
        self._page = page
        self._head = head
        self._made: deque[Element] = deque()
        self._pieces: list[str] = []
        self._held: list[str] = []
        self._kinds: list[tuple[str, Kind]] = []
        self._heading = ""
        self._skipped = self._pre = 0
        self._tables: list[HtmlTable] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        tag = _local(tag)
        if tag in _SKIPPED:
            self._skipped += 1
        elif tag == "br":
            self._text("\n")
        elif tag == "img":
            self._describe(attributes)
        elif not self._head.start(tag, attributes) and (tag in _BLOCKS or "-" in tag):
            self._begin(tag, attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        tag = _local(tag)
        if tag in _SKIPPED:
            self._skipped = max(0, self._skipped - 1)
        elif not self._head.end(tag) and (tag in _BLOCKS or "-" in tag):
            self._finish(tag)

    def data(self, text: str) -> None:
        """Text."""
        if self._skipped or self._head.data(text):
            return
        self._text(text if self._pre else _WHITE.sub(" ", text))

    def close(self) -> None:
        """The end of the document."""
        self._flush()
        while self._tables:
            self._made.extend(self._tables.pop().taken())

    def taken(self) -> Iterator[Element]:
        """The elements since the last call."""
        while self._made:
            yield self._made.popleft()

    def _text(self, text: str) -> None:
        if self._tables and not self._tables[-1].layout and self._kind() != Kind.ELEMENT_KIND_CAPTION:
            self._tables[-1].text(text)
        else:
            self._pieces.append(text)

    def _describe(self, attributes: Mapping[str, str]) -> None:
        alt = " ".join(attributes.get("alt", "")[:_MAX_ALT_CHARACTERS].split())
        if self._tables and not self._tables[-1].layout:
            self._text(f" {alt} ")
        elif alt:
            self._held.append(alt)

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._tables and not self._tables[-1].layout:
            self._begin_in_table(tag, attributes)
            return
        if self._heading and tag not in _HEADINGS and tag != "table":
            self._part_heading()
            return
        self._flush()
        self._open(tag)

    def _open(self, tag: str) -> None:
        if tag == "table":
            self._tables.append(HtmlTable(self._page))
        elif tag in _HEADINGS:
            self._heading = tag
        elif tag in _PRE:
            self._pre += 1
        elif tag in _KINDS:
            self._kinds.append((tag, _KINDS[tag]))
        elif tag in _LISTS:
            # What stands in a list outside of its items is no item, even within an item of an outer list.
            self._kinds.append((tag, Kind.ELEMENT_KIND_TEXT))

    def _begin_in_table(self, tag: str, attributes: Mapping[str, str]) -> None:
        table = self._tables[-1]
        if tag in ("table", "h1", "h2", "h3") or (table.long_cell and tag not in ("td", "th", "tr")):
            self._made.extend(table.taken())
            table.layout = True
            self._begin(tag, attributes)
        elif tag == "tr":
            self._made.extend(table.row())
        elif tag in ("td", "th"):
            table.cell(tag, attributes)
        elif tag == "caption":
            self._flush()
            self._kinds.append((tag, Kind.ELEMENT_KIND_CAPTION))
        else:
            self._text(" ")

    def _finish(self, tag: str) -> None:
        if tag == "table":
            self._finish_table()
        elif self._tables and not self._tables[-1].layout:
            self._finish_in_table(tag)
        elif self._heading and tag != self._heading:
            self._part_heading()
        else:
            self._flush()
            self._shut(tag)

    def _shut(self, tag: str) -> None:
        if tag == self._heading:
            self._heading = ""
        elif tag in _PRE:
            self._pre = max(0, self._pre - 1)
        elif self._kinds and self._kinds[-1][0] == tag:
            self._kinds.pop()

    def _finish_table(self) -> None:
        self._flush()
        if self._tables:
            self._made.extend(self._tables.pop().taken())

    def _finish_in_table(self, tag: str) -> None:
        if tag == "caption":
            self._flush()
            self._shut(tag)
        elif tag in ("td", "th"):
            self._tables[-1].end_cell()
        else:
            self._text(" ")

    def _part_heading(self) -> None:
        """A block within a heading parts its words; a heading that was never closed ends with its first passage."""
        self._pieces.append(" ")
        if sum(map(len, self._pieces)) > _MAX_HEADING_CHARACTERS:
            self._heading = ""
            self._flush()

    def _kind(self) -> Kind:
        return self._kinds[-1][1] if self._kinds else Kind.ELEMENT_KIND_TEXT

    def _flush(self) -> None:
        """What was gathered becomes an element."""
        text, self._pieces = "".join(self._pieces), []
        if text and not text.isspace():
            self._made.append(self._element(text))
        held, self._held = self._held, []
        self._made.extend(Element(kind=Kind.ELEMENT_KIND_CAPTION, text=alt, page=self._page) for alt in held)

    def _element(self, text: str) -> Element:
        if self._pre:
            return Element(kind=Kind.ELEMENT_KIND_CODE, text=text, page=self._page)
        text = _LINE_ENDS.sub("\n", _SPACES.sub(" ", text)).strip()
        if self._heading:
            return elements.heading(" ".join(text.split()), _HEADINGS[self._heading], self._page)
        return Element(kind=self._kind(), text=text, page=self._page)


def _local(tag: str) -> str:
    return tag.rpartition(":")[2].lower() if isinstance(tag, str) else ""


def html_elements(text: str, page: int, head: Head) -> Iterator[Element]:
    """The elements of an HTML document, as the parser comes by them. `head` is filled on the way."""
    flow = Flow(page, head)
    yield from parsed(text, flow)


class Sink(Protocol):
    """What the parser reports to."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        ...

    def end(self, tag: str) -> None:
        """An element ends."""
        ...

    def data(self, text: str) -> None:
        """Text."""
        ...

    def close(self) -> None:
        """The end of the document."""
        ...

    def taken(self) -> Iterator[Element]:
        """The elements since the last call."""
        ...


def parsed(text: str, sink: Sink) -> Iterator[Element]:
    """What a sink makes of a text in which tags may be missing, crossed or unknown."""
    from lxml import etree

    parser = etree.HTMLParser(target=sink, huge_tree=True, no_network=True)
    for start in range(0, len(text), _PIECE_CHARACTERS):
        parser.feed(text[start : start + _PIECE_CHARACTERS])
        yield from sink.taken()
    # What holds no element at all ends without one.
    with suppress(etree.XMLSyntaxError):
        parser.close()
    sink.close()
    yield from sink.taken()
