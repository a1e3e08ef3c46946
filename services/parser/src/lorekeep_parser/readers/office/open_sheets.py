"""ODS: each cell holds the text that its author saw, so dates and percentages need no formats."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page
from lorekeep_parser.readers import elements, rows, unstructured_elements
from lorekeep_parser.readers.office.office_packages import Package, attribute, clear, integer, local
from lorekeep_parser.readers.office.sheet_xml import note_cut

_CONTENT = "content.xml"
_MAX_SHEETS = 10_000
_MAX_REPEATED_CELLS = 1024
_MAX_REPEATED_ROWS = 1000
_MAX_CELLS_IN_ROW = 16_384
_MAX_CELL_CHARACTERS = 65_536
_BLANKS = 256
_MAX_DEPTH = 64


class OpenSheetsReader:
    """Tables of an ODS in order, hidden ones too."""

    media_type = Media.ODS.value
    route = "ods"

    def __init__(self, path: Path) -> None:
        self._package = package = Package(path)
        refuse_encrypted(package)
        if _CONTENT not in package:
            raise failures.corrupt("workbook")
        self.properties = package.properties()
        self.pages_total = sum(1 for kind, _ in self._found() if kind == "table")

    def pages(self, first: int) -> Iterator[Page]:
        """One page for each table."""
        found = self._found()
        number, title = 0, ""
        for kind, value in found:
            if kind != "table":
                continue
            number, title = number + 1, value
            if number <= first:
                continue
            page = Page(())
            page.elements = rows.titled(title, number, self._elements(found, number, page))
            yield page

    def _elements(self, found: Iterator[tuple[str, Any]], number: int, page: Page) -> Iterator[elements.Element]:
        notes: list[str] = []
        with unstructured_elements.reading("workbook"):
            yield from rows.tables(_rows(found, notes, page), number)
        for each in notes:
            yield elements.text(each, number)

    def _found(self) -> Iterator[tuple[str, Any]]:
        """`table` with its name, its rows, and `end`. A row is let go of when the next is asked for."""
        with unstructured_elements.reading("workbook"):
            tags = ("{*}table", "{*}table-row", "{*}shapes")
            depth = 0
            for event, element in self._package.events(_CONTENT, ("start", "end"), tags):
                kind = local(element)
                if kind == "table":
                    depth += 1 if event == "start" else -1
                    if depth == (event == "start"):
                        yield ("table", attribute(element, "name")) if event == "start" else ("end", None)
                elif event == "end" and depth == 1:
                    yield ("row" if kind == "table-row" else "shapes"), element
                    clear(element)


def refuse_encrypted(package: Package) -> None:
    """ENCRYPTED where the manifest says how its parts are to be decrypted."""
    manifest = package.tree("META-INF/manifest.xml")
    if manifest is not None and any(local(each) == "encryption-data" for each in manifest.iter()):
        raise failures.encrypted("workbook")


def _rows(found: Iterator[tuple[str, Any]], notes: list[str], page: Page) -> Iterator[list[str]]:
    for kind, value in found:
        if kind == "end":
            return
        if kind == "shapes":
            notes += [text for each in value.iter("{*}text-box") if (text := _text(each))]
            continue
        row = _cells(value, notes, page)
        times = integer(attribute(value, "number-rows-repeated"), 1) if row else 1
        if times > _MAX_REPEATED_ROWS:
            note_cut(page, f"rows_left_out: a row is repeated {times} times; {_MAX_REPEATED_ROWS} of them were read")
        for _ in range(min(times, _MAX_REPEATED_ROWS)):
            yield row


def _cells(row: Any, notes: list[str], page: Page) -> list[str]:
    """The cells of a row; blank ones behind the last are not laid out."""
    cells: list[str] = []
    blanks = 0
    for cell in row:
        if local(cell) not in ("table-cell", "covered-table-cell"):
            continue
        times = integer(attribute(cell, "number-columns-repeated"), 1)
        text = _text(cell) or attribute(cell, "string-value")
        notes += [f"Comment: {note}" for each in cell if local(each) == "annotation" and (note := _text(each))]
        if not text:
            blanks += times
            continue
        if times > _MAX_REPEATED_CELLS:
            note_cut(
                page, f"columns_left_out: a cell is repeated {times} times; {_MAX_REPEATED_CELLS} of them were read"
            )
        if len(cells) > _MAX_CELLS_IN_ROW or len(text) > _MAX_CELL_CHARACTERS:
            note_cut(page, "cells_cut: a row has more cells, or a cell more text, than is read")
            text, times = text[:_MAX_CELL_CHARACTERS], times if len(cells) <= _MAX_CELLS_IN_ROW else 0
        cells += [""] * (blanks if blanks <= _BLANKS else 1)
        cells += [text] * min(times, _MAX_REPEATED_CELLS)
        blanks = 0
    return cells


def _text(element: Any, depth: int = 0) -> str:
    """The paragraphs inside of a cell, but for its comments."""
    lines = []
    for each in element:
        if local(each) in ("p", "h"):
            lines.append(paragraph_text(each))
        elif local(each) != "annotation" and depth < _MAX_DEPTH:
            lines.append(_text(each, depth + 1))
    return "\n".join(line for line in lines if line)


def paragraph_text(element: Any) -> str:
    """Text of a cell's paragraph: runs of spaces, here a single one, tabs and line ends are elements there."""
    parts = [element.text or ""]
    for each in element.iterdescendants():
        name = local(each)
        if name == "s":
            parts.append(" ")
        elif name in ("tab", "line-break"):
            parts.append("\t" if name == "tab" else "\n")
        elif name:
            parts.append(each.text or "")
        parts.append(each.tail or "")
    return "".join(parts)
