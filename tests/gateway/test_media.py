"""The kind of a file is told from its content, and its name only refines it."""

import io
import zipfile

import pytest

from lorekeep_chassis import errors
from lorekeep_gateway.media import media_type


def _zip(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, "application/epub+zip" if name == "mimetype" else "x")
    return held.getvalue()


READ = [
    (b"%PDF-1.7\n", "a.exe", "application/pdf"),
    (b"\xef\xbb\xbfplain", "a.txt", "text/plain"),
    ("Käse".encode("utf-16"), "a.txt", "text/plain"),
    ("plain".encode("utf-16-le"), "a", "text/plain"),
    ("日本語".encode("cp932"), "a.csv", "text/csv"),
    (b"From: a@b\nSubject: x\n\nbody", "a.eml", "message/rfc822"),
    (b"\x89PNG\r\n\x1a\n" + bytes(20), "scan", "image/png"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "mail.msg", "application/vnd.ms-outlook"),
    (_zip("mimetype", "META-INF/container.xml"), "a.epub", "application/epub+zip"),
    (_zip("[Content_Types].xml", "word/document.xml"), "a.bin", "wordprocessingml.document"),
    (_zip("[Content_Types].xml", "xl/workbook.xml"), "a", "spreadsheetml.sheet"),
    (_zip("[Content_Types].xml", "_rels/.rels"), "a.pptx", "presentationml.presentation"),
    (_zip("a.txt", "b/evil.exe"), "a.zip", "application/zip"),
    (_zip("mimetype/evil.exe"), "a.docx", "application/zip"),
    (b"plain words", "a.docx", "text/plain"),
    ("灯台は海辺の岩の上に立っている。\n".encode("utf-16-le") * 3, "a.md", "text/markdown"),
    ("plain words\n".encode("utf-32-be"), "a.txt", "text/plain"),
]


@pytest.mark.parametrize(("head", "name", "kind"), READ, ids=[str(place) for place in range(len(READ))])
def test_what_is_read(head: bytes, name: str, kind: str) -> None:
    assert media_type(head, name).endswith(kind)


REFUSED = [
    b"\x7fELF\x02\x01\x01" + bytes(50),
    b"MZ" + bytes(50),
    b"MZ\x90\x00" + bytes(50) + b"%PDF-1.7",
    b"\xca\xfe\xba\xbe" + bytes(50),
    b"Rar!\x1a\x07\x00" + bytes(range(256)),
    b"7z\xbc\xaf\x27\x1c" + bytes(50),
    b"\x00\x00\x00\x18ftypmp42" + bytes(50),
    b"SQLite format 3\x00" + bytes(50),
    bytes(range(1, 256)) * 20,
    b"\x00" * 100,
]


@pytest.mark.parametrize("head", REFUSED, ids=[str(place) for place in range(len(REFUSED))])
def test_what_is_refused_names_what_is_taken(head: bytes) -> None:
    with pytest.raises(errors.UnsupportedMedia, match="PDF, DOCX"):
        media_type(head, "report.pdf")


def test_nothing_is_its_own_refusal() -> None:
    with pytest.raises(errors.UnprocessableInput) as refusal:
        media_type(b"", "a.txt")
    assert refusal.value.reason == "empty_file"
