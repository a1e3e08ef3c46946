"""Office documents made on the spot: workbooks by openpyxl and by hand, old containers by hand."""

import io
import struct
import zipfile
from typing import Any

from tests.parser import small_files

WORD = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" xmlns:v="urn:schemas-microsoft-com:vml"'
)
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"


def relations(*pairs: tuple[str, str]) -> str:
    """A part's relations: kind and target, named r1, r2 ..."""
    listed = "".join(
        f'<Relationship Id="r{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(pairs, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}">{listed}</Relationships>'


def zipped(members: dict[str, str | bytes]) -> bytes:
    """A zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def retyped(data: bytes, old: str, new: str) -> bytes:
    """A package that says of itself that it is of another type."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    types = "[Content_Types].xml"
    return zipped({**members, types: members[types].decode().replace(old, new)})


def paragraph(text: str, properties: str = "") -> str:
    """A paragraph of a Word document."""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def word(body: str, notes: dict[str, str] | None = None) -> bytes:
    """A Word document; `notes` are parts such as `footnotes`, by name."""
    parts = {f"word/{name}.xml": f"<w:{name} {WORD}>{content}</w:{name}>" for name, content in (notes or {}).items()}
    if notes:
        parts["word/_rels/document.xml.rels"] = relations(*((name, f"{name}.xml") for name in notes))
    return small_files.docx(f"<w:document {WORD}><w:body>{body}</w:body></w:document>", **parts)


def workbook_of(rows: list[list[Any]], title: str = "Lamps") -> bytes:
    """An XLSX of one sheet."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def sheet_xml(data: str, strings: str = "", prologue: str = "") -> bytes:
    """An XLSX whose only sheet holds these rows of XML."""
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_RELATIONS}"><sheets>'
            '<sheet name="Lamps" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(
                ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "/xl/sharedStrings.xml")
            ),
            "xl/worksheets/sheet1.xml": f'{prologue}<worksheet xmlns="{_SHEET}"><sheetData>{data}</sheetData>'
            "</worksheet>",
            "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}">{strings}</sst>',
        }
    )


def ods(tables: str, manifest: str = "") -> bytes:
    """An ODS with these tables of XML."""
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f'<office:document-content xmlns:office="{_OASIS}:office:1.0" '
            f'xmlns:text="{_OASIS}:text:1.0" xmlns:table="{_OASIS}:table:1.0"><office:body><office:spreadsheet>'
            f"{tables}</office:spreadsheet></office:body></office:document-content>",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{_OASIS}:manifest:1.0">{manifest}'
            "</manifest:manifest>",
        }
    )


def xlsb(rows: list[tuple[int, int, str]]) -> bytes:
    """An XLSB with cells of text: row, column, text."""
    extent = [max(each) for each in zip(*(each[:2] for each in rows), strict=True)]
    sheet = _record(129) + _record(148, struct.pack("<IIII", 0, extent[0], 0, extent[1])) + _record(145)
    for row, column, text in rows:
        sheet += _record(0, struct.pack("<I", row) + b"\0" * 21)
        sheet += _record(6, struct.pack("<II", column, 0) + _wide(text))
    sheet += _record(146) + _record(130)
    bundle = struct.pack("<II", 0, 1) + _wide("r1") + _wide("Lamps")
    book = _record(131) + _record(143) + _record(156, bundle) + _record(144) + _record(132)
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations(("officeDocument", "xl/workbook.bin")),
            "xl/workbook.bin": book,
            "xl/_rels/workbook.bin.rels": relations(("worksheet", "worksheets/sheet1.bin")),
            "xl/worksheets/sheet1.bin": sheet,
        }
    )


def _record(kind: int, data: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    assert len(data) < 128
    return head + bytes([len(data)]) + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xls(cells: list[tuple[int, int, str | float]], encrypted: bool = False) -> bytes:
    """An XLS of one sheet: row, column and value of each cell."""
    name = b"\x05\x00Lamps"
    globals_ = _biff(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
    globals_ += _biff(0x2F, b"\x01\x00\x01\x00\x01\x00" + b"\0" * 48) if encrypted else b""
    start = len(globals_) + 4 + 6 + len(name) + 4
    globals_ += _biff(0x85, struct.pack("<IH", start, 0) + name) + _biff(0x0A)
    sheet = _biff(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for row, column, value in cells:
        place = struct.pack("<HHH", row, column, 0)
        if isinstance(value, str):
            sheet += _biff(0x204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
        else:
            sheet += _biff(0x203, place + struct.pack("<d", value))
    return ole("Workbook", globals_ + sheet + _biff(0x0A))


def _biff(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def ole(name: str, stream: bytes) -> bytes:
    """A container of the old kind with one stream."""
    stream = stream.ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    assert sectors < 126
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    header = struct.pack("<8s16sHHHHH6xIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6,
                         0, 1, 1, 0, 4096, end, 0, end, 0, 0)  # fmt: skip
    header += struct.pack("<I", free) * 108
    table = [0xFFFFFFFD, end, *range(3, sectors + 2), end]
    table += [free] * (128 - len(table))
    directory = _entry("Root Entry", 5, end, 0, child=1) + _entry(name, 2, 2, len(stream), child=free)
    return header + struct.pack("<128I", *table) + directory.ljust(512, b"\0") + stream.ljust(sectors * 512, b"\0")


def _entry(name: str, kind: int, start: int, size: int, child: int) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    free = 0xFFFFFFFF
    return struct.pack("<64sHBBIII16sIQQIQ", wide, len(wide), kind, 1, free, free, child, b"", 0, 0, 0, start, size)
