"""What stands in an OpenDocument's content.xml, as elements."""

from collections import deque
from collections.abc import Iterator, Mapping

from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element, Kind

_SKIPPED = frozenset({
    "text:tracked-changes", "office:automatic-styles", "office:font-face-decls", "office:forms", "office:scripts",
    "office:event-listeners", "office:binary-data", "text:note-citation", "dc:creator", "dc:date",
    "meta:creator-initials",
})  # fmt: skip
_PARAGRAPHS = {"text:p": "p", "text:h": "h", "svg:title": "alt", "svg:desc": "alt"}
_TABLES = frozenset({"table:table", "table:table-row", "table:table-cell", "table:covered-table-cell"})
_MAX_SPACES = 1000
_MAX_REPEATED = 50
_PART_CHARACTERS = 16_000


class OpenDocumentFlow:
    """What the events are reported to. Notes, comments and frames come behind the paragraph that they stand in."""

    def __init__(self, paged: bool) -> None:
        self._paged = paged
        self._page = 0
        self._made: deque[Element] = deque()
        self._skipped = 0
        self._lists = 0
        # Open paragraphs, each within the one before by way of a note or a frame: kind, level, pieces.
        self._open: list[tuple[Kind, int, list[str]]] = []
        self._behind: deque[Element] = deque()
        self._tables: list[_Table] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if self._skipped or name in _SKIPPED:
            self._skipped += 1
        elif name in _PARAGRAPHS:
            self._open.append((*self._kind(_PARAGRAPHS[name], attributes), []))
        elif name == "text:list":
            self._lists += 1
        elif name == "draw:page" and self._paged:
            self._page += 1
        elif name in _TABLES:
            self._start_table(name, attributes)
        else:
            self._sign(name, attributes)

    def end(self, name: str) -> None:
        """An element ends."""
        if self._skipped:
            self._skipped -= 1
        elif name in _PARAGRAPHS:
            self._end_paragraph()
        elif name == "text:list":
            self._lists = max(0, self._lists - 1)
        elif name == "table:table" and self._tables:
            self._put(self._tables.pop().taken(self._page))
        elif name == "table:table-row" and self._tables and self._tables[-1].length > _PART_CHARACTERS:
            self._put(self._tables[-1].taken(self._page))

    def data(self, text: str) -> None:
        """Text: outside of paragraphs there is none that is shown."""
        if self._open and not self._skipped:
            self._open[-1][2].append(" ".join(text.split("\n")))

    def close(self) -> None:
        """The end of the document."""
        while self._open:
            self._end_paragraph()
        while self._tables:
            self._put(self._tables.pop().taken(self._page))

    def taken(self) -> Iterator[Element]:
        """The elements since the last call."""
        while self._made:
            yield self._made.popleft()

    def _kind(self, name: str, attributes: Mapping[str, str]) -> tuple[Kind, int]:
        if name == "h":
            told = attributes.get("text:outline-level", "1")
            return Kind.ELEMENT_KIND_HEADING, int(told) if told.isdecimal() and len(told) < 3 else 1
        if name == "alt":
            return Kind.ELEMENT_KIND_CAPTION, 0
        style = attributes.get("text:style-name", "")
        if style == "Title":
            return Kind.ELEMENT_KIND_HEADING, 1
        if style in ("Preformatted_20_Text", "Source_20_Text"):
            return Kind.ELEMENT_KIND_CODE, 0
        return (Kind.ELEMENT_KIND_LIST_ITEM if self._lists else Kind.ELEMENT_KIND_TEXT), 0

    def _sign(self, name: str, attributes: Mapping[str, str]) -> None:
        """White space has elements of its own; a note's mark is left to the note."""
        if not self._open:
            return
        pieces = self._open[-1][2]
        if name == "text:s":
            told = attributes.get("text:c", "1")
            pieces.append(" " * min(int(told) if told.isdecimal() and len(told) < 5 else 1, _MAX_SPACES))
        elif name == "text:tab":
            pieces.append("\t")
        elif name == "text:line-break":
            pieces.append("\n")

    def _start_table(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "table:table":
            self._tables.append(_Table())
        elif not self._tables:
            return
        elif name == "table:table-row":
            self._tables[-1].rows.append([])
        else:
            told = attributes.get("table:number-columns-repeated", "1")
            count = int(told) if told.isdecimal() and len(told) < 4 else 1
            self._tables[-1].cell(min(count, _MAX_REPEATED))

    def _end_paragraph(self) -> None:
        kind, level, pieces = self._open.pop()
        text = "".join(pieces)
        element = Element(kind=kind, text=text, level=level, page=self._page)
        if self._tables and not self._open:
            self._tables[-1].text(text)
        elif self._open:
            self._behind.append(element)
        elif text.strip():
            self._made.append(element)
        if not self._open:
            self._release()

    def _release(self) -> None:
        """What stood within the paragraph comes now, or into its cell."""
        behind, self._behind = self._behind, deque()
        for each in behind:
            if self._tables:
                self._tables[-1].text(each.text)
            else:
                self._made.append(each)

    def _put(self, found: Iterator[Element]) -> None:
        """A table within another is told in front of it, one within a paragraph behind it."""
        (self._behind if self._open else self._made).extend(found)


class _Table:
    """Rows of cells of an open table; a cell is what it holds, piece by piece."""

    def __init__(self) -> None:
        self.rows: list[list[list[str]]] = []
        self.length = 0
        self._continues = False

    def cell(self, count: int) -> None:
        if not self.rows:
            self.rows.append([])
        self.rows[-1] += [[] for _ in range(count)]

    def text(self, text: str) -> None:
        if not self.rows or not self.rows[-1]:
            self.cell(1)
        self.rows[-1][-1].append(text)
        self.length += len(text)

    def taken(self, page: int) -> Iterator[Element]:
        """The rows so far."""
        rows = [[" ".join(cell) for cell in row] for row in self.rows]
        self.rows, self.length = [], 0
        lines = [line for row in rows if (line := elements.row_text(row))]
        if not lines:
            return
        whole = "" if self._continues else elements.header_html(next(row for row in rows if any(row)))
        self._continues = True
        yield elements.table(lines, page, whole)
