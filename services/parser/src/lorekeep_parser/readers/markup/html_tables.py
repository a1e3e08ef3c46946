"""Tables of HTML as they are read: cells gathered by rows, given as table elements of bounded length."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element

_PART_CHARACTERS = 16_000
_LONG_CELL_CHARACTERS = 1500
_MAX_SPAN = 1000


@dataclass
class _Cell:
    tag: str
    spans: str
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def html(self) -> str:
        return f"<{self.tag}{self.spans}>{escape(elements.cell(''.join(self.pieces)))}</{self.tag}>"


class HtmlTable:
    """One open table. `layout` is set once it proves to hold the page rather than data: its cells are passages then."""

    def __init__(self, page: int) -> None:
        self.layout = False
        self._page = page
        self._rows: list[list[_Cell]] = []
        self._length = 0
        self._cell: _Cell | None = None
        self._continues = False

    @property
    def long_cell(self) -> bool:
        """Whether the open cell holds more than a cell does."""
        return self._cell is not None and self._cell.length > _LONG_CELL_CHARACTERS

    def row(self) -> Iterator[Element]:
        """A row begins; gives what was gathered where that is much."""
        self._cell = None
        if self._length > _PART_CHARACTERS:
            yield from self._taken()
        self._rows.append([])

    def cell(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A cell begins."""
        self._cell = _Cell(tag, _spans(attributes))
        if not self._rows:
            self._rows.append([])
        self._rows[-1].append(self._cell)

    def end_cell(self) -> None:
        """The cell ends; text between cells is a cell of its own."""
        self._cell = None

    def text(self, text: str) -> None:
        """Text of the open cell."""
        if self._cell is None:
            if not text.strip():
                return
            self.cell("td", {})
        assert self._cell is not None
        self._cell.pieces.append(text)
        self._cell.length += len(text)
        self._length += len(text)

    def taken(self) -> Iterator[Element]:
        """All that was gathered."""
        self._cell = None
        yield from self._taken()

    def _taken(self) -> Iterator[Element]:
        rows, self._rows, self._length = self._rows, [], 0
        written = [[elements.cell("".join(cell.pieces)) for cell in row] for row in rows]
        lines = [line for row in written if (line := elements.row_text(row))]
        if not lines:
            return
        if not self._continues and max(sum(map(bool, row)) for row in written) < 2:
            yield from (elements.text(line.strip("\t"), self._page) for line in lines)
            return
        whole = "" if self._continues else _html(rows)
        self._continues = True
        yield elements.table(lines, self._page, whole)


def _html(rows: list[list[_Cell]]) -> str:
    body = "".join(f"<tr>{''.join(cell.html() for cell in row)}</tr>" for row in rows if row)
    return f"<table>{body}</table>"


def _spans(attributes: Mapping[str, str]) -> str:
    told = ""
    for name in ("colspan", "rowspan"):
        value = attributes.get(name, "").strip()[:8]
        if value.isascii() and value.isdigit() and 1 < int(value) <= _MAX_SPAN:
            told += f' {name}="{int(value)}"'
    return told
