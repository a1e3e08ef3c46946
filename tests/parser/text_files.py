"""Small files of each kind, made on the spot; shared by what tests recognition and what tests reading."""

import io
import tarfile
import zipfile

OPEN = "application/vnd.oasis.opendocument"
_NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"))
)
_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)


def zipped(*members: tuple[str, str | bytes]) -> bytes:
    """A ZIP of members in order."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
    return held.getvalue()


def tarred(mode: str) -> bytes:
    """A TAR of one member."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("lamp.txt")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"lamp"))
    return held.getvalue()


def open_document(kind: str, body: str, *members: tuple[str, str], prologue: str = "") -> bytes:
    """An OpenDocument whose body is `body`."""
    content = f'<?xml version="1.0"?>{prologue}<office:document-content {_NAMES}>{body}</office:document-content>'
    return zipped(("mimetype", f"{OPEN}.{kind}"), ("content.xml", content), *members)


def epub(*chapters: str, metadata: str = "", extra: tuple[tuple[str, str], ...] = ()) -> bytes:
    """A book whose spine names the chapters in the order that they are given, and its manifest the other way."""
    numbered = list(enumerate(chapters))
    items = "".join(
        f'<item id="c{number}" href="c%20{number}.xhtml" media-type="application/xhtml+xml"/>'
        for number, _ in reversed(numbered)
    )
    spine = "".join(f'<itemref idref="c{number}"/>' for number, _ in numbered)
    package = f'<package xmlns:dc="dc"><metadata>{metadata}</metadata>'
        f'<manifest>{items}</manifest><spine>{spine}</spine></package>'
    return zipped(
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", _CONTAINER),
        ("OEBPS/book.opf", package),
        *((f"OEBPS/c {number}.xhtml", chapter) for number, chapter in numbered),
        *extra,
    )


_BITMAP = b"BM" + bytes((70, 0, 0, 0)) + bytes(4) + bytes((54, 0, 0, 0)) + bytes((40, 0, 0, 0)) + bytes(52)
_TYPES = ("[Content_Types].xml", "<Types/>")
_OFFICE = "application/vnd.openxmlformats-officedocument"
# Content, the name that it is sent with, and what it is: to the gateway and to the parser alike.
SAMPLES: list[tuple[bytes, str, str]] = [
    (b"%PDF-1.7\n", "a.docx", "application/pdf"),
    (b"junk\r\n\r\n%PDF-1.4\n", "a.pdf", "application/pdf"),
    (zipped(_TYPES, ("word/document.xml", "<w/>")), "a.pdf", f"{_OFFICE}.wordprocessingml.document"),
    (zipped(_TYPES, ("ppt/presentation.xml", "<p/>")), "a", f"{_OFFICE}.presentationml.presentation"),
    (zipped(_TYPES, ("xl/workbook.xml", "<x/>")), "a.zip", f"{_OFFICE}.spreadsheetml.sheet"),
    (zipped(_TYPES, ("xl/workbook.bin", "x")), "a.xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
    (open_document("text", ""), "a.odt", f"{OPEN}.text"),
    (open_document("text-template", ""), "a.ott", f"{OPEN}.text"),
    (open_document("presentation", ""), "a.docx", f"{OPEN}.presentation"),
    (open_document("spreadsheet", ""), "a.ods", f"{OPEN}.spreadsheet"),
    (open_document("graphics", ""), "a.odg", f"{OPEN}.graphics"),
    (epub("<p>a</p>"), "a.zip", "application/epub+zip"),
    (zipped(("a.txt", "x"), ("docs/b.pdf", "x")), "a.zip", "application/zip"),
    (tarred("w"), "a.tar", "application/x-tar"),
    (tarred("w:gz"), "a.tgz", "application/x-tar"),
    (rb"{\rtf1 a}", "a.doc", "application/rtf"),
    (b"GIF89a" + bytes(20), "a.png", "image/gif"),
    (b"RIFF\x00\x00\x00\x00WEBP" + bytes(20), "a", "image/webp"),
    (_BITMAP, "a.bmp", "image/bmp"),
    (b"BM is how the report begins.", "a.txt", "text/plain"),
    (b"<!-- a --><!DOCTYPE html><html></html>", "a.html", "text/html"),
    (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "a.xhtml", "text/html"),
    (b'<?xml version="1.0"?><rss version="2.0"/>', "a.xml", "application/xml"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"><text>a</text></svg>', "a.svg", "application/xml"),
    (b"# Lamp\n", "a.md", "text/markdown"),
    (b"Lamp\n====\n", "a.rst", "text/x-rst"),
    (b"* Lamp\n", "a.org", "text/org"),
    (b"= Lamp\n", "a.adoc", "text/asciidoc"),
    (b"\\section{Lamp}\n", "a.tex", "application/x-latex"),
    (b"a,b\n1,2\n", "a.csv", "text/csv"),
    (b'{"a": 1}', "a.json", "application/json"),
    (b'{"a": 1}\n{"a": 2}\n', "a.jsonl", "application/jsonl"),
    (b'{"cells": [], "nbformat": 4}', "a.ipynb", "application/x-ipynb+json"),
    (b"WEBVTT\n\n00:01.000 --> 00:02.000\na\n", "a.vtt", "text/vtt"),
    (b"1\n00:00:01,000 --> 00:00:02,000\na\n", "a.srt", "application/x-subrip"),
    (b"From: a@b\nSubject: x\n\nbody", "a.eml", "message/rfc822"),
    (b"plain words", "a.docx", "text/plain"),
    ("plain words\n".encode("utf-16-le"), "a.txt", "text/plain"),
    ("plain words\n".encode("utf-32-be"), "a.txt", "text/plain"),
    ("灯台は海辺の岩の上に立っている。\n".encode("utf-16-be") * 3, "a.txt", "text/plain"),
]
REFUSED: list[bytes] = [
    b"\x7fELF\x02\x01\x01" + bytes(50),
    b"MZ\x90\x00" + bytes(50) + b"%PDF-1.7",
    b"Rar!\x1a\x07\x00" + bytes(range(256)),
    b"7z\xbc\xaf\x27\x1c" + bytes(50),
    b"\x00\x00\x00\x18ftypmp42" + bytes(50),
    b"SQLite format 3\x00" + bytes(50),
]
