"""XLS and XLSB by calamine.

It lays a sheet out as a grid around all of its cells. One whose grid would be huge is left out before it tries: its
failure would be the process's end.
"""

import datetime
import posixpath
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import python_calamine

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page
from lorekeep_parser.readers import elements, rows, unstructured_elements
from lorekeep_parser.readers.office import sheet_formats
from lorekeep_parser.readers.office.office_packages import Package
from lorekeep_parser.readers.office.sheet_xml import note_cut

_MAX_GRID_CELLS = 20_000_000
_ROW, _MAX_CELL_RECORD = 0, 11
_HEAD_BYTES, _FILE_PASS, _END_OF_PART = 65_536, 0x2F, 0x0A


class BinarySheetsReader:
    """Sheets in the workbook's order, hidden ones too. `package` is an XLSB's."""

    route = "calamine"

    def __init__(self, path: Path, package: Package | None) -> None:
        self.media_type = (Media.XLS if package is None else Media.XLSB).value
        self.properties = _ole_properties(path) if package is None else package.properties()
        if package is None:
            _refuse_encrypted(path)
        with panics_typed():
            self._workbook = python_calamine.CalamineWorkbook.from_path(path)
        self._titles = self._workbook.sheet_names
        self._members = [] if package is None else _members(package)
        self._package = package
        self.pages_total = len(self._titles)

    def pages(self, first: int) -> Iterator[Page]:
        """One page for each sheet."""
        for number, title in enumerate(self._titles[first:], start=first + 1):
            page = Page(())
            page.elements = rows.titled(title, number, self._elements(number, page))
            yield page

    def _elements(self, number: int, page: Page) -> Iterator[elements.Element]:
        with unstructured_elements.reading("workbook"), panics_typed():
            if self._too_wide(number):
                note_cut(page, f"sheet_left_out: the cells of sheet {number} lie too far apart; save it as XLSX")
                page.skipped = True
                return
            yield from rows.tables(self._rows(number - 1), number)

    def _too_wide(self, number: int) -> bool:
        if self._package is None or number > len(self._members) or self._members[number - 1] not in self._package:
            return False
        with self._package.archive.open(self._members[number - 1]) as file:
            return _grid(file.read()) > _MAX_GRID_CELLS

    def _rows(self, index: int) -> Iterator[list[str]]:
        try:
            sheet = self._workbook.get_sheet_by_index(index)
        except python_calamine.CalamineError:
            return  # a chart or a macro, which has no cells
        for row in sheet.iter_rows():
            yield [_text(each) for each in row]


class panics_typed:
    """Turns a panic of calamine's, which is no `Exception`, into a typed error."""

    def __enter__(self) -> None:
        """Nothing to acquire."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is not None and kind.__name__ == "PanicException":
            raise failures.corrupt("workbook") from error


def _refuse_encrypted(path: Path) -> None:
    """ENCRYPTED where a record of the workbook says so: calamine takes such a file for one of another format."""
    import olefile  # type: ignore[import-untyped]

    with olefile.OleFileIO(str(path)) as container:
        stream = next(each for each in ("Workbook", "Book") if container.exists(each))
        head = container.openstream(stream).read(_HEAD_BYTES)
    place = 0
    while place + 4 <= len(head):
        kind, length = struct.unpack_from("<HH", head, place)
        if kind == _FILE_PASS:
            raise failures.encrypted("workbook")
        if kind == _END_OF_PART:
            return
        place += 4 + length


def _members(package: Package) -> list[str]:
    """The sheets' members in the order of the workbook, which lists their relations' ids."""
    main = package.main("")
    targets = package.relations(main)
    with package.archive.open(main) as file:
        records = list(_records(file.read()))
    members = []
    for kind, data in records:
        if kind == 156:  # BrtBundleSh: state, id, then the relation's id
            length = int.from_bytes(data[8:12], "little")
            name = data[12 : 12 + 2 * length].decode("utf-16-le", errors="replace")
            members.append(targets.get(name, ("", posixpath.sep))[1])
    return members


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a binary part: type and length in seven bits a byte."""
    place, end = 0, len(data)
    while place < end:
        kind, place = data[place], place + 1
        if kind & 0x80 and place < end:
            kind, place = (kind & 0x7F) | data[place] << 7, place + 1
        length, shift = 0, 0
        while place < end and shift < 28:
            byte, place = data[place], place + 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield kind, data[place : place + length]
        place += length


def _grid(data: bytes) -> int:
    """Cells of the smallest grid that holds all cells of a sheet."""
    row, left, right, top, bottom = 0, 2**31, -1, 2**31, -1
    for kind, record in _records(data):
        if kind == _ROW:
            row = int.from_bytes(record[:4], "little")
        elif kind <= _MAX_CELL_RECORD:
            column = int.from_bytes(record[:4], "little")
            left, right = min(left, column), max(right, column)
            top, bottom = min(top, row), max(bottom, row)
    return max(0, bottom - top + 1) * max(0, right - left + 1)


def _text(value: Any) -> str:
    """A cell as a person reads it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return sheet_formats.plain(repr(value))
    if isinstance(value, datetime.timedelta):
        return sheet_formats.duration(value)
    if isinstance(value, datetime.datetime):
        return sheet_formats.moment_text(value)
    return str(value)


def _ole_properties(path: Path) -> document_pb2.Properties:
    """The summary information of a file of the old binary formats."""
    import olefile

    with olefile.OleFileIO(str(path)) as container:
        said = container.get_metadata()
    return document_pb2.Properties(
        title=_said(said.title),
        authors=_said(said.author).split(";"),
        subject=_said(said.subject),
        keywords=_said(said.keywords).replace(";", ",").split(","),
        created_at=_moment(said.create_time),
        modified_at=_moment(said.last_saved_time),
    )


def _said(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("cp1252", errors="replace")
    return value if isinstance(value, str) else ""


def _moment(value: Any) -> str:
    return f"{value.isoformat(timespec='seconds')}Z" if isinstance(value, datetime.datetime) else ""
