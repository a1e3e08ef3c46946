"""The rows of an XLSX as they come: nothing is laid out as a grid, so a cell far away costs no more than a near one."""

from array import array
from collections.abc import Iterator
from typing import Any

from lorekeep_parser.page import Page
from lorekeep_parser.readers.office_packages import Package, clear, integer, local
from lorekeep_parser.readers.sheet_formats import Formats

_MAX_CELLS_IN_ROW = 16_384
_MAX_ROWS = 1_048_576
_MAX_CELL_CHARACTERS = 65_536
# One string may be referred to by every cell, so a row may hold far more than its file.
_MAX_ROW_CHARACTERS = 4_000_000
# Blank cells between two of a row beyond which they count as one.
_MAX_GAP = 256
_DIGITS = "0123456789"


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
    """Rows of one sheet."""

    def __init__(self, package: Package, strings: SharedStrings, formats: Formats) -> None:
        self._package = package
        self._strings = strings
        self._formats = formats
        self._columns: dict[str, int] = {}

    def rows(self, member: str, page: Page) -> Iterator[list[str]]:
        """Rows in order; a blank one wherever at least one is missing. What is left out is told to `page`."""
        expected = 1
        for count, (_, row) in enumerate(self._package.events(member, ("end",), ("{*}row",))):
            if count == _MAX_ROWS:
                note_cut(page, f"rows_left_out: a sheet has more than {_MAX_ROWS} rows; those behind were not read")
                return
            number = integer(row.get("r"), expected)
            if number > expected:
                yield []
            expected = number + 1
            yield _placed(self._cells(row, page))
            clear(row)

    def _cells(self, row: Any, page: Page) -> list[tuple[int, str]]:
        """Filled cells with their columns, from left to right."""
        value_tag = f"{row.tag[:-3]}v"
        cells: list[tuple[int, str]] = []
        column, ordered, room = -1, True, _MAX_ROW_CHARACTERS
        for cell in row:
            if room < 0:
                note_cut(page, f"cells_left_out: a row has more than {_MAX_ROW_CHARACTERS} characters")
                break
            reference = cell.get("r")
            before, column = column, column + 1 if reference is None else self._column(reference)
            ordered = ordered and column > before
            kind, value = cell.get("t"), cell.find(value_tag)
            raw = value.text if value is not None else None
            if kind == "inlineStr" or raw is None:
                text = _inline(cell)
            elif kind == "s":
                text = self._strings.text(raw)
            else:
                text = self._value(raw, kind, cell.get("s"))
            if text:
                cells.append((column, text))
                room -= len(text)
        if len(cells) > _MAX_CELLS_IN_ROW:
            note_cut(
                page, f"columns_left_out: a row has more than {_MAX_CELLS_IN_ROW} cells; those behind were not read"
            )
            del cells[_MAX_CELLS_IN_ROW:]
        if any(len(text) > _MAX_CELL_CHARACTERS for _, text in cells):
            note_cut(page, f"cells_cut: a cell has more than {_MAX_CELL_CHARACTERS} characters")
            cells = [(place, text[:_MAX_CELL_CHARACTERS]) for place, text in cells]
        return cells if ordered else sorted(cells, key=lambda each: each[0])

    def _value(self, raw: str, kind: str | None, style: str | None) -> str:
        if kind is None or kind == "n":
            return self._formats.shown(raw, style)
        if kind == "b":
            return "TRUE" if raw.strip() in ("1", "true") else "FALSE"
        if kind == "d":
            return raw.removesuffix("T00:00:00").replace("T", " ")
        return raw

    def _column(self, reference: str) -> int:
        letters = reference.rstrip(_DIGITS)
        if (known := self._columns.get(letters)) is not None:
            return known
        column = 0
        for each in letters[:3].upper():
            column = column * 26 + max(1, min(ord(each) - 64, 26))
        if len(self._columns) < _MAX_CELLS_IN_ROW:
            self._columns[letters] = column - 1
        return column - 1


def _inline(cell: Any) -> str:
    return "".join(rich_text(each) for each in cell if local(each) == "is")


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
