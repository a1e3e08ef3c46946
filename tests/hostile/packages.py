"""Archives and office packages that lie, swell or fold back on themselves."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from tests.parser import small_files

_SHEET = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_MAIN = '"http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_WORKBOOK = (
    '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Far" sheetId="1" '
    'r:id="r1"/></sheets></workbook>'
)
_RELATION = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" '
    'Target="{target}"/></Relationships>'
)
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
    'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
    'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_PARAGRAPH = (
    "<w:p><w:r><w:t>The keeper climbed the stairs of lamp {number} once more, and it was dark.</w:t></w:r></w:p>"
)


def archive(members: dict[str, bytes]) -> bytes:
    """A ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def docx_of(document: Iterable[bytes]) -> bytes:
    """A DOCX whose main part is written piece by piece, so that the test itself stays small."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(small_files.docx(b""))) as model,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
    ):
        for name in ("[Content_Types].xml", "_rels/.rels"):
            file.writestr(name, model.read(name))
        with file.open("word/document.xml", "w", force_zip64=True) as part:
            for piece in document:
                part.write(piece)
    return buffer.getvalue()


def one_run(size_bytes: int) -> Iterator[bytes]:
    """A main part with all of its text in one run."""
    before, after = small_files.word_xml("\0").encode().split(b"\0")
    yield before
    for _ in range(size_bytes // 2**20):
        yield b"lamp oil " * (2**20 // 9)
    yield after


def many_paragraphs(size_bytes: int) -> Iterator[bytes]:
    """A main part of ordinary paragraphs."""
    before, after = small_files.word_xml("\0").encode().split(b"\0")
    yield before + b"</w:t></w:r></w:p>"
    written, number = 0, 0
    while written < size_bytes:
        piece = "".join(_PARAGRAPH.format(number=number + each) for each in range(5000)).encode()
        written, number = written + len(piece), number + 5000
        yield piece
    yield b"<w:p><w:r><w:t>" + after


def workbook(sheet: str) -> bytes:
    """An XLSX of one sheet whose rows are given as XML."""
    return archive(
        {
            "[Content_Types].xml": _TYPES.encode(),
            "_rels/.rels": _RELATION.format(kind="officeDocument", target="xl/workbook.xml").encode(),
            "xl/workbook.xml": _WORKBOOK.encode(),
            "xl/_rels/workbook.xml.rels": _RELATION.format(kind="worksheet", target="worksheets/sheet1.xml").encode(),
            "xl/worksheets/sheet1.xml": f"{_SHEET}{sheet}</sheetData></worksheet>".encode(),
        }
    )


def cell(reference: str, text: str) -> str:
    """A row with one cell."""
    row = "".join(each for each in reference if each.isdigit())
    return f'<row r="{row}"><c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def nested_bomb(depth: int, breadth: int) -> bytes:
    """Archives in archives: `breadth` to the power of `depth` members of a megabyte each."""
    content = archive({f"{number}.txt": b"lamp oil " * 116_000 for number in range(breadth)})
    for _ in range(depth - 1):
        content = archive({f"{number}.zip": content for number in range(breadth)})
    return content


def overlapping_bomb(kernel_bytes: int, members: int, prefix: str) -> bytes:
    """Every entry of the directory unpacks the same compressed bytes: far more comes out than a ratio would tell."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(b"\0" * kernel_bytes) + packed.flush()
    crc = zlib.crc32(b"\0" * kernel_bytes)
    name = f"{prefix}0".encode()
    body = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, crc, len(data), kernel_bytes, len(name), 0)
    body += name + data
    directory = b""
    for number in range(members):
        each = f"{prefix}{number}".encode()
        directory += struct.pack(
            "<IHHHHHHIIIHHHHHII",
            0x02014B50,
            20,
            20,
            0,
            8,
            0,
            0,
            crc,
            len(data),
            kernel_bytes,
            len(each),
            0,
            0,
            0,
            0,
            0,
            0,
        )
        directory += each
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, members, members, len(directory), len(body), 0)
    return body + directory + end


def shared_text(rows: int, columns: int, characters: int) -> bytes:
    """A workbook in which every cell is one and the same long string, beside a member that nothing packs."""
    cells = "".join('<c t="s"><v>0</v></c>' for _ in range(columns))
    relation = _RELATION.format(kind="sharedStrings", target="sharedStrings.xml").replace('"r1"', '"r2"')
    string = f"<sst xmlns={_MAIN}><si><t>{'lamp ' * (characters // 5)}</t></si></sst>"
    return _with(
        workbook(f"<row>{cells}</row>" * rows),
        {"xl/sharedStrings.xml": string.encode(), "junk.bin": random.Random(7).randbytes(2**21)},
        relation[relation.index("<Relationship ") : relation.index("</Relationships>")],
    )


def blank_rows(count: int) -> bytes:
    """A workbook of rows without cells, beside a member that nothing packs."""
    return _with(workbook("<row/>" * count), {"junk.bin": random.Random(7).randbytes(2**21)}, "")


def _with(package: bytes, members: dict[str, bytes], relation: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as file:
        held = {name: file.read(name) for name in file.namelist()}
    relations = "xl/_rels/workbook.xml.rels"
    held[relations] = held[relations].replace(b"</Relationships>", f"{relation}</Relationships>".encode())
    return archive(held | members)
