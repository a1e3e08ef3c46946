"""Tables that are drawn with ruling lines: pdfplumber finds the cells among PDFium's rulings, PDFium reads their text.

A table takes its lines out of the running text only where every character of theirs is in its cells; else the running
text stays as it is. Nothing is measured by a clock: the same page gives the same tables, however busy the machine is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers import elements
from lorekeep_parser.readers.pdf import frame, rulings, words
from lorekeep_parser.readers.pdf.frame import Sides
from lorekeep_parser.readers.pdf.lines import Line
from lorekeep_parser.readers.pdf.rulings import Ruling

_SNAP = 3.0
_INSET = 0.4
_MAX_EDGES = 500
# So many level rulings of one length are the rows of one table.
_LEAST_LEVELS = 3
_MAX_CROSSINGS = 1500
_MAX_CELLS = 1000
_LEAST_FILLED_SHARE = 0.25
# A longer cell is a part of the page with a frame around it.
_MAX_CELL_CHARACTERS = 700
_STACKED = 3
# Share of characters that may stand on a ruling, and so in two cells.
_MOST_STRANGE = 0.05


@dataclass(frozen=True)
class Cell:
    """A cell's text, and how many columns and rows it spans. `stacked`: it holds numbers, each on a line of its own.

    Where several cells of a row are, rows lie between the rulings that no line parts.
    """

    text: str
    columns: int = 1
    rows: int = 1
    stacked: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its rows, and its sides as fractions of the page that is shown."""

    rows: list[list[Cell]]
    sides: Sides

    def holds(self, line: Line) -> bool:
        """Whether a line stands inside."""
        left, top, right, bottom = self.sides
        return left <= (line.left + line.right) / 2 <= right and top <= line.middle <= bottom

    def element(self, page: int) -> document_pb2.Element:
        """Rows as lines, cells parted by tabs, with HTML."""
        lines = [elements.row_text([cell.text for cell in row]) for row in self.rows]
        made = elements.table([each for each in lines if each.strip()], page, _html(self.rows))
        left, top, right, bottom = self.sides
        made.boxes.append(document_pb2.BoundingBox(page=page, left=left, top=top, right=right, bottom=bottom))
        return made


def found(page: Any, lines: Sequence[Line]) -> list[Table]:
    """The tables of a page whose lines are given; TooManyDrawings where it has more drawings than are looked at."""
    drawn = rulings.rulings(page) if lines else []
    if not _may_be_grid(drawn):
        return []
    shown = frame.of_page(page)
    text_page = page.get_textpage()
    try:
        tables = [_table(text_page, cells, shown) for cells in _grids(drawn)]
    finally:
        text_page.close()
    return [each for each in tables if each is not None and _is_whole(each, lines)]


def _may_be_grid(drawn: Sequence[Ruling]) -> bool:
    """At least two cells need two rulings one way and three the other."""
    upright = len({round(each.place / _SNAP) for each in drawn if each.upright})
    level = len({round(each.place / _SNAP) for each in drawn if not each.upright})
    return min(upright, level) >= 2 and upright + level >= 5


def _grids(drawn: Sequence[Ruling]) -> list[list[Sides]]:
    """The cells of each table: left, top, right, bottom with the y axis turned downwards."""
    from pdfplumber import table

    edges = table.merge_edges([_edge(each) for each in [*drawn, *_open_sides(drawn)]], _SNAP, _SNAP, _SNAP, _SNAP)
    if len(edges) > _MAX_EDGES:
        raise rulings.TooManyDrawings
    crossings = table.edges_to_intersections(edges, _SNAP, _SNAP)
    if len(crossings) > _MAX_CROSSINGS:
        raise rulings.TooManyDrawings
    cells = table.intersections_to_cells(crossings)
    return table.cells_to_tables(cells) if len(cells) <= _MAX_CELLS else []


def _open_sides(drawn: Sequence[Ruling]) -> Iterator[Ruling]:
    """The outer sides of tables that are ruled between their columns alone: where their level rulings begin and end."""
    spans: dict[tuple[int, int], list[Ruling]] = defaultdict(list)
    for each in drawn:
        if not each.upright:
            spans[round(each.start / _SNAP), round(each.end / _SNAP)].append(each)
    uprights = [each for each in drawn if each.upright]
    for levels in spans.values():
        left, right = levels[0].start, levels[0].end
        low, high = min(each.place for each in levels), max(each.place for each in levels)
        inside = any(left < each.place < right and low <= each.end and each.start <= high for each in uprights)
        if len({round(each.place / _SNAP) for each in levels}) >= _LEAST_LEVELS and inside:
            yield Ruling(True, left, low, high)
            yield Ruling(True, right, low, high)


def _edge(ruling: Ruling) -> dict[str, Any]:
    if ruling.upright:
        x0 = x1 = ruling.place
        top, bottom = -ruling.end, -ruling.start
    else:
        x0, x1 = ruling.start, ruling.end
        top = bottom = -ruling.place
    return {
        "orientation": "v" if ruling.upright else "h",
        "x0": x0, "x1": x1, "top": top, "bottom": bottom, "width": x1 - x0, "height": bottom - top,
    }  # fmt: skip


def _table(text_page: Any, cells: Sequence[Sides], shown: frame.Frame) -> Table | None:
    """The table of these cells; None where they are frames around something else."""
    lefts = sorted({each[0] for each in cells})
    tops = sorted({each[1] for each in cells})
    texts = {each: _cell(text_page, each, lefts, tops) for each in sorted(cells)}
    filled = [sides for sides, cell in texts.items() if cell.text]
    longest = max(len(cell.text) for cell in texts.values())
    columns, rows = len({each[0] for each in filled}), len({each[1] for each in filled})
    if min(columns, rows) < 2 or len(filled) < _LEAST_FILLED_SHARE * len(cells) or longest > _MAX_CELL_CHARACTERS:
        return None
    lined = [[cell for sides, cell in texts.items() if sides[1] == top] for top in tops]
    if any(sum(cell.stacked for cell in row) > 1 for row in lined):
        return None
    right, bottom = max(each[2] for each in cells), max(each[3] for each in cells)
    return Table(lined, shown.placed((lefts[0], -bottom, right, -tops[0])))


def _cell(text_page: Any, sides: Sides, lefts: Sequence[float], tops: Sequence[float]) -> Cell:
    left, top, right, bottom = sides
    text = text_page.get_text_bounded(left + _INSET, -bottom + _INSET, right - _INSET, -top - _INSET)
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    return Cell(
        words.joined(lines),
        sum(1 for each in lefts if left <= each < right),
        sum(1 for each in tops if top <= each < bottom),
        sum(1 for each in lines if not any(map(str.isalpha, each))) >= _STACKED,
    )


def _is_whole(table: Table, lines: Sequence[Line]) -> bool:
    """Whether the cells have all that the lines inside say, hardly more, and some line stands inside."""
    inside = words.joined([each.text for each in lines if table.holds(each)])
    wanted = Counter("".join(inside.split()))
    held = Counter("".join("".join(cell.text.split()) for row in table.rows for cell in row))
    for hyphen in "-‐":
        del wanted[hyphen]
    return bool(wanted) and not wanted - held and (held - wanted).total() <= max(3, _MOST_STRANGE * wanted.total())


def _html(rows: Sequence[Sequence[Cell]]) -> str:
    written = ("".join(map(_cell_html, row)) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in written)}</table>"


def _cell_html(cell: Cell) -> str:
    spans = "".join(
        f' {name}="{count}"' for name, count in (("colspan", cell.columns), ("rowspan", cell.rows)) if count > 1
    )
    return f"<td{spans}>{escape(cell.text)}</td>"


def in_place(lines: Sequence[Line], tables: Sequence[Table]) -> Iterator[list[Line] | Table]:
    """Runs of lines outside of tables, and each table where its first line stood."""
    run: list[Line] = []
    given: set[int] = set()
    for line in lines:
        number = next((index for index, each in enumerate(tables) if each.holds(line)), None)
        if number is None:
            run.append(line)
        elif number not in given:
            given.add(number)
            yield run
            yield tables[number]
            run = []
    yield run
