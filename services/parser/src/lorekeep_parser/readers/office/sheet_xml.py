"""The rows of an XLSX as they come: nothing is laid out as a grid, so a cell far away costs no more than a near one."""

from array import array
from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat

from lorekeep_parser import failures
from lorekeep_parser.page import Page
from lorekeep_parser.readers.office.office_packages import Package, clear, integer, local
from lorekeep_parser.readers.office.sheet_formats import Formats

_MAX_CELLS_IN_ROW = 16_384
_MAX_ROWS = 1_048_576
_MAX_CELL_CHARACTERS = 65_536
# One string may be referred to by every cell, so a row may hold far more than its file.
_MAX_ROW_CHARACTERS = 4_000_000
# Blank cells between two of a row beyond which they count as one.
_MAX_GAP = 256
_DIGITS = "0123456789"
_PIECE_BYTES = 65_536

# A filled cell: its column, counted from 0, and its text.
Cell = tuple[int, str]


class SharedStrings:
    """The workbook's strings, kept as bytes: very many short ones are no burden then."""

    def __init__(self, package: Package, member: str) -> None:
        self._data = bytearray()
        self._ends = array("Q", [0])
        if member in package:
            for _, item in package.events(member, ("end",), ("{*}si",)):
                self._data += rich_text(item).encode("utf-8", errors="replace")
                self._ends.append(len(self._data))
                clear(item)

    def text(self, raw: str) -> str:
        """The string of a number, written as in the XML; empty where there is none."""
        index = integer(raw.strip(), -1)
        if not 0 <= index < len(self._ends) - 1:
            return ""
        return self._data[self._ends[index] : self._ends[index + 1]].decode("utf-8")


def rich_text(item: Any) -> str:
    """Text of runs, without the readings that stand above some characters."""
    parts = []
    for each in item:
        name = local(each)
        if name == "t":
            parts.append(each.text or "")
        elif name == "r":
            parts += [part.text or "" for part in each if local(part) == "t"]
    return "".join(parts)


class SheetRows:
    """Rows of one sheet. Read by events rather than as trees, which for cells of a few letters takes half the time, and
    holds no more of a row than its cells, whatever their number."""

    def __init__(self, package: Package, strings: SharedStrings, formats: Formats) -> None:
        self._package = package
        self._texts = _Texts(strings, formats)

    def rows(self, member: str, page: Page) -> Iterator[list[str]]:
        """Rows in order; a blank one wherever at least one is missing. What is left out is told to `page`."""
        expected = 1
        with self._package.opened(member) as file:
            for count, (reference, cells) in enumerate(_RowEvents(self._texts, page).rows(file)):
                if count == _MAX_ROWS:
                    note_cut(page, f"rows_left_out: a sheet has more than {_MAX_ROWS} rows; those behind were not read")
                    return
                number = integer(reference, expected)
                if number > expected:
                    yield []
                expected = number + 1
                yield _placed(cells)


class _RowEvents:
    """Gathers rows from the events of a sheet's XML: the row's number as written, and its filled cells with their
    columns, from left to right."""

    def __init__(self, texts: "_Texts", page: Page) -> None:
        self._texts = texts
        self._page = page
        self._done: list[tuple[str | None, list[Cell]]] = []
        self._row: str | None = None
        self._cells: list[Cell] | None = None
        self._columns: dict[str, int] = {}
        self._column, self._ordered, self._room = -1, True, _MAX_ROW_CHARACTERS
        self._cell: dict[str, str] | None = None
        self._value: list[str] = []
        self._inline: list[str] = []
        # Where text goes at the moment; None where it is nobody's, as between cells.
        self._taking: list[str] | None = None
        self._readings = 0

    def rows(self, file: IO[bytes]) -> Iterator[tuple[str | None, list[Cell]]]:
        """Rows as they are complete. ExpatError where the XML is damaged."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._data
        while piece := file.read(_PIECE_BYTES):
            parser.Parse(piece, False)
            yield from self._done
            self._done.clear()
        parser.Parse(b"", True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name if ":" not in name else name.rpartition(":")[2]
        if name == "row":
            self._row, self._cells = attributes.get("r"), []
            self._column, self._ordered, self._room = -1, True, _MAX_ROW_CHARACTERS
        elif self._cells is None:
            return
        elif name == "c":
            if self._cell is not None:
                raise failures.corrupt("workbook")
            self._cell, self._value, self._inline = attributes, [], []
        elif self._cell is None:
            return
        elif name == "v":
            self._taking = self._value
        elif name == "t" and not self._readings:
            self._taking = self._inline
        elif name == "rPh":
            self._readings += 1

    def _end(self, name: str) -> None:
        name = name if ":" not in name else name.rpartition(":")[2]
        if name in ("v", "t"):
            self._taking = None
        elif name == "c" and self._cell is not None and self._cells is not None:
            self._close_cell(self._cell, self._cells)
            self._cell, self._readings = None, 0
        elif name == "row" and self._cells is not None:
            cells = self._cells if self._ordered else sorted(self._cells, key=lambda each: each[0])
            self._done.append((self._row, cells))
            self._cells = None
        elif name == "rPh":
            self._readings = max(0, self._readings - 1)

    def _data(self, text: str) -> None:
        if self._taking is not None:
            self._taking.append(text)

    def _close_cell(self, cell: dict[str, str], cells: list[Cell]) -> None:
        reference = cell.get("r")
        before, self._column = self._column, self._column + 1 if reference is None else self._place(reference)
        self._ordered = self._ordered and self._column > before
        kind, raw = cell.get("t"), "".join(self._value)
        inline = kind == "inlineStr" or not raw
        text = "".join(self._inline) if inline else self._texts.shown(raw, kind, cell.get("s"))
        if not text:
            return
        if len(cells) >= _MAX_CELLS_IN_ROW:
            told = f"columns_left_out: a row has more than {_MAX_CELLS_IN_ROW} cells; those behind were not read"
            note_cut(self._page, told)
            return
        if self._room < 0:
            note_cut(self._page, f"cells_left_out: a row has more than {_MAX_ROW_CHARACTERS} characters")
            return
        if len(text) > _MAX_CELL_CHARACTERS:
            note_cut(self._page, f"cells_cut: a cell has more than {_MAX_CELL_CHARACTERS} characters")
            text = text[:_MAX_CELL_CHARACTERS]
        cells.append((self._column, text))
        self._room -= len(text)

    def _place(self, reference: str) -> int:
        letters = reference.rstrip(_DIGITS)
        if (known := self._columns.get(letters)) is not None:
            return known
        column = 0
        for each in letters[:3].upper():
            column = column * 26 + max(1, min(ord(each) - 64, 26))
        if len(self._columns) < _MAX_CELLS_IN_ROW:
            self._columns[letters] = column - 1
        return column - 1


class _Texts:
    """What a cell's value shows as."""

    def __init__(self, strings: SharedStrings, formats: Formats) -> None:
        self._strings = strings
        self._formats = formats

    def shown(self, raw: str, kind: str | None, style: str | None) -> str:
        """The text of a value, written as in the XML, of a kind and in a style."""
        if kind is None or kind == "n":
            return self._formats.shown(raw, style)
        if kind == "s":
            return self._strings.text(raw)
        if kind == "b":
            return "TRUE" if raw.strip() in ("1", "true") else "FALSE"
        if kind == "d":
            return raw.removesuffix("T00:00:00").replace("T", " ")
        return raw


def _placed(cells: list[tuple[int, str]]) -> list[str]:
    """Cells of a row in their columns."""
    row: list[str] = []
    skipped = 0
    for column, text in cells:
        blanks = column - skipped - len(row)
        if blanks > _MAX_GAP:
            skipped += blanks - 1
            blanks = 1
        row.extend([""] * blanks)
        row.append(text)
    return row


def note_cut(page: Page, warning: str) -> None:
    """Tells once that something is left out."""
    if warning not in page.warnings:
        page.warnings.append(warning)
        page.truncations += 1
