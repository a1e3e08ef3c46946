"""XML of any kind to elements: all character data in order, with what common vocabularies mean by their names."""

import re
from collections import deque
from collections.abc import Iterator, Mapping

from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.markup.html_flow import html_elements
from lorekeep_parser.readers.markup.html_head import Head

_GROUP_CHARACTERS = 2000
_TITLES = frozenset({"title", "article-title", "head", "chapter-title", "book-title"})
_PARTS = frozenset({
    "book", "part", "chapter", "preface", "appendix", "article", "sec", "section", "sect1", "sect2", "sect3",
    "sect4", "sect5", "topic", "div", "channel", "item", "feed", "entry", "front", "body", "back", "figure",
    "fig", "table-wrap", "boxed-text",
})  # fmt: skip
_PASSAGES = frozenset({
    "p", "para", "simpara", "abstract", "li", "listitem", "list-item", "description", "summary", "content",
    "encoded",
})  # fmt: skip
_LISTED = frozenset({"li", "listitem", "list-item"})
_CODE = frozenset({"programlisting", "screen", "code", "pre", "literallayout", "codeblock"})
_ROWS, _CELLS = frozenset({"tr", "row"}), frozenset({"td", "th", "entry", "cell"})
# Feeds carry pages as text within these.
_MARKED_UP = frozenset({"description", "summary", "content", "encoded"})
# Within words these are passages nevertheless; everything else there is words.
_BLOCKS = (
    _PARTS | _PASSAGES | _LISTED | _ROWS | _CELLS | _TITLES
    | {"table", "list", "ul", "ol", "itemizedlist", "orderedlist", "programlisting", "screen"}
    | {"literallayout", "pre", "codeblock", "blockquote", "note"}
)  # fmt: skip
_WORDS = frozenset({"p", "para", "simpara", *_TITLES})
_TAG = re.compile(r"</?[a-z][a-z0-9]{0,9}\b[^<>]*+>", re.IGNORECASE)


class XmlFlow:
    """What the events of a document are reported to."""

    def __init__(self) -> None:
        self.title = ""
        self._made: deque[Element] = deque()
        self._pieces: list[str] = []
        self._lines: list[str] = []
        self._lines_length = 0
        # For each open element: whether it stands within words, and whether its children do, since text came before.
        self._open: list[tuple[bool, bool]] = []
        # The depth of the last element that began: an element that ends deeper than that had no children.
        self._deepest = 0
        self._depth = 0
        self._row: list[str] | None = None
        self._table: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        inline = bool(self._open) and self._open[-1][1] and name not in _BLOCKS
        if not inline:
            self._flush()
            self._begin(name)
        self._open.append((inline, inline or name in _WORDS))
        self._deepest = len(self._open)

    def end(self, name: str) -> None:
        """An element ends."""
        inline, _ = self._open.pop() if self._open else (False, False)
        if not inline:
            self._flush(name)
            self._shut(name)

    def data(self, text: str) -> None:
        """Text."""
        self._pieces.append(text)
        if self._open and not self._open[-1][1] and not text.isspace():
            self._open[-1] = (self._open[-1][0], True)

    def close(self) -> None:
        """The end of the document, or of what could be read of it."""
        self._flush()
        self._end_row()
        self._end_table()
        self._end_lines()

    def taken(self) -> Iterator[Element]:
        """The elements since the last call."""
        while self._made:
            yield self._made.popleft()

    def _is_cell(self, name: str) -> bool:
        return self._row is not None and name in _CELLS

    def _begin(self, name: str) -> None:
        if name in _ROWS:
            self._end_row()
            self._row = []
        elif self._row is None and (name in _PARTS or name in _PASSAGES):
            self._end_table()
            self._end_lines()
            self._depth += name in _PARTS

    def _shut(self, name: str) -> None:
        if name in _ROWS:
            self._end_row()
        elif self._row is None:
            if len(self._open) + 1 < self._deepest:
                # Leaves of one parent are lines of one element, and this is the parent.
                self._end_lines()
                self._deepest = len(self._open) + 1
            if name in _PARTS:
                self._depth = max(0, self._depth - 1)
            if name == "table":
                self._end_table()

    def _flush(self, name: str = "") -> None:
        """What was gathered is a line, a cell, or an element of its own."""
        text, self._pieces = "".join(self._pieces), []
        if not text or text.isspace():
            if self._is_cell(name) and self._row is not None:
                self._row.append("")
            return
        if self._row is not None:
            self._row.append(text)
        elif name in _CODE:
            self._give(Element(kind=Kind.ELEMENT_KIND_CODE, text=text))
        elif name in _MARKED_UP and _TAG.search(text):
            self._end_lines()
            self._made.extend(html_elements(text, 0, Head()))
        else:
            self._line(" ".join(text.split()), name)

    def _line(self, text: str, name: str) -> None:
        if name in _TITLES:
            self.title = self.title or text
            self._give(elements.heading(text, max(1, self._depth)))
        elif name in _LISTED:
            self._give(Element(kind=Kind.ELEMENT_KIND_LIST_ITEM, text=text))
        elif name in _PASSAGES:
            self._give(elements.text(text))
        else:
            self._end_table()
            self._lines.append(text)
            self._lines_length += len(text) + 1
            if self._lines_length > _GROUP_CHARACTERS:
                self._end_lines()

    def _give(self, element: Element) -> None:
        self._end_table()
        self._end_lines()
        self._made.append(element)

    def _end_row(self) -> None:
        row, self._row = self._row, None
        if row and (line := elements.row_text(row)):
            self._end_lines()
            self._table.append(line)
            if len(self._table) >= 500:
                self._end_table()

    def _end_table(self) -> None:
        table, self._table = self._table, []
        if table:
            self._made.append(elements.table(table, 0, "<table></table>"))

    def _end_lines(self) -> None:
        lines, self._lines, self._lines_length = self._lines, [], 0
        if lines:
            self._made.append(elements.text("\n".join(lines)))
