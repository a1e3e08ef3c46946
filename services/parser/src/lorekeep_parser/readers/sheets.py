"""XLSX by openpyxl, row by row: a sheet is a page, its name a heading, its first row the header of its table."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, rows, unstructured_elements

# A sheet may claim its last cell at XFD1048576. Rows are given as they come, so only their width needs a bound, and
# runs of blank rows an end.
_MAX_COLUMNS = 1024
_MAX_BLANK_ROWS = 10_000


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "SheetsReader":
    """Reads an XLSX."""
    return SheetsReader(path)


class SheetsReader:
    """Sheets in the workbook's order, hidden ones too."""

    media_type = Media.XLSX.value
    route = "openpyxl"

    def __init__(self, path: Path) -> None:
        self.properties = document_pb2.Properties()
        with unstructured_elements.reading("workbook"):
            from openpyxl import load_workbook

            self._workbook = load_workbook(path.open("rb"), read_only=True, data_only=True, keep_links=False)
            self._sheets = [self._workbook[name] for name in self._workbook.sheetnames]
        self.pages_total = len(self._sheets)

    def pages(self, first: int) -> Iterator[Page]:
        """One page for each sheet; a chart sheet has no rows."""
        for number, sheet in enumerate(self._sheets[first:], start=first + 1):
            page = Page(())
            page.elements = self._elements(sheet, number, page)
            yield page

    def _elements(self, sheet: Any, number: int, page: Page) -> Iterator[elements.Element]:
        if not hasattr(sheet, "iter_rows"):
            return
        found = rows.tables(_rows(sheet, page), number)
        for index, each in enumerate(found):
            if index == 0:
                yield elements.heading(sheet.title, 1, number)
            yield each


def _rows(sheet: Any, page: Page) -> Iterator[list[str]]:
    blank = 0
    with unstructured_elements.reading("workbook"):
        sheet.reset_dimensions()
        for row in sheet.iter_rows(values_only=True):
            if len(row) > _MAX_COLUMNS and any(each is not None for each in row[_MAX_COLUMNS:]):
                _note_cut(page, f"columns_left_out: sheet {sheet.title!r} is wider than {_MAX_COLUMNS} columns")
            cells = [_text(each) for each in row[:_MAX_COLUMNS]]
            blank = 0 if any(cells) else blank + 1
            if blank > _MAX_BLANK_ROWS:
                _note_cut(page, f"rows_left_out: sheet {sheet.title!r} goes on behind {_MAX_BLANK_ROWS} blank rows")
                return
            yield cells


def _note_cut(page: Page, warning: str) -> None:
    if warning not in page.warnings:
        page.warnings.append(warning)
        page.truncations += 1


def _text(value: Any) -> str:
    """A cell as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
