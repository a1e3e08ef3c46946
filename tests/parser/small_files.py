"""Documents made on the spot: PDF by hand, office containers by zipfile."""

import io
import zipfile

_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


Lines = list[tuple[float, float, str]]


def pdf(pages: list[Lines]) -> bytes:
    """A PDF of pages of lines: (size in points, distance of the foot from the page's top in points, text)."""
    return _pdf(["".join(_shown(72, line) for line in lines) for lines in pages])


def pdf_of_columns(pages: list[tuple[Lines, Lines]], left: float, right: float) -> bytes:
    """A PDF of pages with two columns of lines, which begin at `left` and at `right` points."""
    drawn = [[_shown(left, line) for line in one] + [_shown(right, line) for line in two] for one, two in pages]
    return _pdf(["".join(each) for each in drawn])


def _shown(left: float, line: tuple[float, float, str]) -> str:
    size, down, text = line
    return f"BT /F {size} Tf {left} {792 - down} Td ({text}) Tj ET\n"


def _pdf(drawings: list[str]) -> bytes:
    count = len(drawings)
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(count))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {count}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for index, drawn in enumerate(drawings):
        objects.append(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>"
            f"/Contents {5 + 2 * index} 0 R>>"
        )
        objects.append(f"<</Length {len(drawn)}>>stream\n{drawn}endstream")
    return joined([each.encode("latin-1") for each in objects])


def joined(objects: list[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    out, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj".encode() + each + b"\nendobj\n"
    table = "".join(f"{each:010} 00000 n \n" for each in offsets)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF".encode()


def book(pages: int) -> bytes:
    """A PDF with headings, prose that runs over pages, running heads and page numbers."""
    made = []
    for page in range(1, pages + 1):
        lines: list[tuple[float, float, str]] = [(9, 40, "A Handbook of Lighthouses"), (9, 770, str(page))]
        down = 100.0
        if page % 3 == 1:
            lines.append((18, down, f"Chapter {page // 3 + 1} of the keepers"))
            down += 40
        for line in range(25):
            lines.append((11, down, f"On page {page} the keeper wrote line {line} into the log. The sea was calm and"))
            down += 14
        made.append(lines)
    return pdf(made)


def docx(document: str | bytes, **members: str) -> bytes:
    """A DOCX whose main part is `document`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATIONS)
        archive.writestr("word/document.xml", document)
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def word_xml(body: str, prologue: str = "") -> str:
    """A main part with paragraphs of `body`."""
    paragraph = f"<w:p><w:r><w:t>{body}</w:t></w:r></w:p>"
    return f'<?xml version="1.0"?>{prologue}<w:document xmlns:w="{_WORD}"><w:body>{paragraph}</w:body></w:document>'
