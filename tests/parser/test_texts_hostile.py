"""Texts and containers that mean harm: each has its outcome, and nothing that a document names is ever fetched."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.parser.text_files import epub, open_document, zipped
from tests.parser.text_reading import read

from lorekeep_chassis.errors import InvalidInput, LorekeepError, TooLarge, UnsupportedMedia

_DEPTH = 100_000
_NESTED = {
    "a.html": (b"<div>", b"</div>"),
    "b.html": (b"<table><tr><td>", b""),
    "c.html": (b"<ul><li>", b""),
    "a.xml": (b"<a>", b"</a>"),
    "a.json": (b"[", b"]"),
    "a.md": (b"> ", b""),
    "b.md": (b"- ", b""),
    "c.md": (b"[", b""),
    "d.md": (b"![", b""),
    "a.rtf": (b"{\\rtf1 ", b"}"),
}


@pytest.mark.parametrize("name", sorted(_NESTED))
def test_what_is_nested_deeply_is_read(tmp_path: Path, name: str) -> None:
    opening, closing = _NESTED[name]
    start = b"<html><body>" if name.endswith(".html") else b""
    data = start + opening * _DEPTH + (b'"deep"' if name.endswith(".json") else b"deep") + closing * _DEPTH
    assert "deep" in read(tmp_path, data, name).flat


_EXTERNAL = '<!DOCTYPE {0} [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_LAUGHS = (
    '<!DOCTYPE {0} [<!ENTITY a "ha ha ha ha ha ha ha ha ha ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghx", strict=True))
    + "]>"
)


@pytest.mark.parametrize("prologue", [_EXTERNAL, _LAUGHS], ids=["external", "laughs"])
@pytest.mark.parametrize("name", ["a.xml", "a.svg", "a.xhtml", "a.odt", "a.epub"])
def test_entities_stay_what_they_are(tmp_path: Path, name: str, prologue: str) -> None:
    page = prologue.format("html") + '<html xmlns="http://www.w3.org/1999/xhtml"><p>end &x;</p></html>'
    made = {
        "a.xml": prologue.format("d") + "<d>end &x;</d>",
        "a.svg": prologue.format("svg") + '<svg xmlns="http://www.w3.org/2000/svg"><text>end &x;</text></svg>',
        "a.xhtml": f'<?xml version="1.0"?>{page}',
        "a.odt": open_document("text", "<text:p>end &x;</text:p>", prologue=prologue.format("d")),
        "a.epub": epub(page),
    }
    found = read(tmp_path, made[name], name).flat
    assert "end &x;" in found
    assert "root:" not in found
    assert len(found) < 200


def _overlapping() -> bytes:
    """Two members of the directory that share the bytes of one."""
    data = zipped(("a.txt", b"\0" * 100_000), ("b.txt", b"\0" * 100_000))
    directory = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", directory + 4)
    return data[: second + 42] + struct.pack("<I", 0) + data[second + 46 :]


def _protected() -> bytes:
    data = bytearray(zipped(("a.txt", b"x")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def _bomb() -> bytes:
    return zipped(*((f"{number}.txt", b"\0" * 32 * 2**20) for number in range(3)))


_PROTECTED_TEXT = ("META-INF/manifest.xml", "<m><file-entry><encryption-data/></file-entry></m>")
_PROTECTED_BOOK = ("META-INF/encryption.xml", "<e><EncryptionMethod Algorithm='http://www.w3.org/aes'/></e>")


@pytest.mark.parametrize(
    ("data", "name", "kind", "reason"),
    [
        (_overlapping(), "a.zip", TooLarge, "too_large_unpacked"),
        (_bomb(), "a.zip", TooLarge, "too_large_unpacked"),
        (zipped(*((str(number), b"") for number in range(20_001))), "a.zip", TooLarge, "too_large_unpacked"),
        (_protected(), "a.zip", InvalidInput, "encrypted"),
        (zipped(("a.txt", b"x" * 1000))[:-30], "a.zip", InvalidInput, "corrupt"),
        (zipped(("a.txt", b"x")), "a.docx", InvalidInput, "corrupt"),
        (open_document("text", "", _PROTECTED_TEXT), "a.odt", InvalidInput, "encrypted"),
        (open_document("text", "<text:p>"), "a.odt", InvalidInput, "corrupt"),
        (open_document("formula", ""), "a.odf", UnsupportedMedia, "unsupported_media"),
        (epub("<p>a", extra=(_PROTECTED_BOOK,)), "a.epub", InvalidInput, "encrypted"),
        (zipped(("mimetype", "application/epub+zip")), "a.epub", InvalidInput, "corrupt"),
        (b'{"nbformat": 4, "cells": [', "a.ipynb", InvalidInput, "corrupt"),
        (b"MZ\x90\x00" + bytes(60) + b"%PDF-1.7", "a.pdf", UnsupportedMedia, "unsupported_media"),
        (b"\x1f\x8b\x08\x00" + bytes(100), "a.tar.gz", InvalidInput, "corrupt"),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_a_container_that_cannot_be_read(
    tmp_path: Path, data: bytes, name: str, kind: type[LorekeepError], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        read(tmp_path, data, name)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.md",
        "C:\\a\\b.md",
        "a\x00b\n.md",
        "a" * 4096 + ".md",
        "." * 4096,
        "/",
        "..",
        ".md",
        "a.md/",
        "",
    ],
)
def test_a_name_changes_nothing_but_the_kind_of_text(tmp_path: Path, name: str) -> None:
    assert "oil and wick" in read(tmp_path, b"# oil and wick\n", name).flat


def test_a_chapter_that_is_damaged_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    held = io.BytesIO(epub("<p>first", "<p>second"))
    with zipfile.ZipFile(held) as archive:
        place = archive.getinfo("OEBPS/c 0.xhtml").header_offset
    data = bytearray(held.getvalue())
    data[place + 30 + len("OEBPS/c 0.xhtml")] ^= 0xFF
    found = read(tmp_path, bytes(data), "a.epub")
    assert "second" in found.flat
    assert found.warnings[0].startswith("chapters_left_out: ")
    assert [page.skipped for page in found.pages] == [True, False]


def test_a_tar_that_ends_early_is_still_told_to_be_one(tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO(b""))
    path = tmp_path / "a"
    path.write_bytes(held.getvalue()[:600])
    from lorekeep_parser.formats.recognition import recognised

    assert recognised(path, "a.tar", "").value == "application/x-tar"


_LONG = {
    "line.txt": b"word " * 1_000_000,
    "line.html": b"<p>" + b"word " * 1_000_000,
    "tags.html": b"<p>" + b"<b> </b>" * 200_000 + b"word",
    "opened.xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">word' + b"<a b" * 200_000,
    "cdata.xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">word' + b"<![CDATA[" * 200_000,
    "voice.vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\nword" + b"<v " * 500_000,
    "front.md": b"---\n" + b"word\n" * 100_000,
    "escape.json": b'["word' + b"\\" * 2_000_000 + b'"]',
    "signs.rst": b"word\n" + b"*" * 2_000_000,
    "slashes.rtf": b"{\\rtf1 word " + b"\\" * 1_000_001,
    "braces.tex": b"word\n" + b"\\section{" * 200_000,
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", sorted(_LONG))
def test_what_is_long_is_read_in_time_of_its_length(tmp_path: Path, name: str) -> None:
    assert "word" in read(tmp_path, _LONG[name], name).flat[:1000]
