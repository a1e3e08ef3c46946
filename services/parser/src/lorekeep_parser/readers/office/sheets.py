"""Workbooks: a sheet is a page, its name a heading, its first row the header of its table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Reader, Wishes
from lorekeep_parser.readers import elements, rows, unstructured_elements
from lorekeep_parser.readers.office import sheet_notes
from lorekeep_parser.readers.office.office_packages import Package, attribute, local
from lorekeep_parser.readers.office.sheet_formats import Formats
from lorekeep_parser.readers.office.sheet_xml import SharedStrings, SheetRows

_MAX_SHEETS = 10_000
_SHEETS = ("worksheet", "chartsheet", "dialogsheet", "xlMacrosheet", "xlIntlMacrosheet")


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> Reader:
    """Reads an XLSX, XLSM, XLSB, XLS or ODS."""
    with unstructured_elements.reading("workbook"):
        if kind is Media.ODS:
            from lorekeep_parser.readers.office.open_sheets import OpenSheetsReader

            return OpenSheetsReader(path)
        package = None if kind is Media.XLS else Package(path)
        if package is None or package.main("").endswith(".bin"):
            from lorekeep_parser.readers.office.binary_sheets import BinarySheetsReader

            return BinarySheetsReader(path, package)
        return SheetsReader(package)


@dataclass(frozen=True)
class Sheet:
    """A sheet of the workbook; `member` holds it in the package, empty where it is missing."""

    title: str
    member: str


class SheetsReader:
    """Sheets of an XLSX in the workbook's order, hidden ones too."""

    media_type = Media.XLSX.value
    route = "xlsx"

    def __init__(self, package: Package) -> None:
        self._package = package
        self.properties = package.properties()
        main = package.main("xl/workbook.xml")
        workbook = package.tree(main)
        if workbook is None or local(workbook) != "workbook":
            raise failures.corrupt("workbook")
        targets = package.relations(main)
        self._sheets = [_sheet(each, targets, package) for each in workbook.iter("{*}sheet")][:_MAX_SHEETS]
        since_1904 = any(each.get("date1904") in ("1", "true") for each in workbook.iter("{*}workbookPr"))
        styles = next(iter(package.related(main, "styles")), "")
        self._formats = Formats(package.tree(styles), since_1904)
        self._strings_member = next(iter(package.related(main, "sharedStrings")), "xl/sharedStrings.xml")
        self._people = sheet_notes.people(package, main)
        self.pages_total = len(self._sheets)

    def pages(self, first: int) -> Iterator[Page]:
        """One page for each sheet."""
        with unstructured_elements.reading("workbook"):
            reader = SheetRows(self._package, SharedStrings(self._package, self._strings_member), self._formats)
        for number, sheet in enumerate(self._sheets[first:], start=first + 1):
            page = Page(())
            page.elements = rows.titled(sheet.title, number, self._found(reader, sheet, number, page))
            yield page

    def _found(self, reader: SheetRows, sheet: Sheet, number: int, page: Page) -> Iterator[elements.Element]:
        if not sheet.member:
            page.warnings.append(f"sheet_missing: the file of sheet {sheet.title[:100]!r} is not in the workbook")
            page.skipped = True
            return
        with unstructured_elements.reading("workbook"):
            yield from rows.tables(reader.rows(sheet.member, page), number)
            yield from sheet_notes.notes(self._package, sheet.member, number, page, self._people)


def _sheet(each: object, targets: dict[str, tuple[str, str]], package: Package) -> Sheet:
    kind, member = targets.get(attribute(each, "id"), ("", ""))
    return Sheet(attribute(each, "name"), member if kind in _SHEETS and member in package else "")
