"""Mails in other clothes: mailboxes, saved pages, mails of Outlook whose text is kept as RTF."""

import struct
from pathlib import Path

from tests.parser.mails import multipart
from tests.parser.ole import container, message, text
from tests.parser.text_reading import read

from lorekeep_parser.readers.mail import compressed_rtf

_FIRST = (
    "From: Ada <ada@example.org>\nTo: b@example.org\nSubject: One\nContent-Transfer-Encoding: base64\n\n"
    "VGhlIGZpcnN0Lg==\n"
)
_SECOND = "From: Bob <bob@example.org>\nTo: a@example.org\nSubject: Two\n\nThe second.\n\n>From the start.\n"
# The example of MS-OXRTFCP.
_PACKED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c090020627705b06c647d0a800fa0"
)


def test_each_mail_of_a_mailbox_is_read(tmp_path: Path) -> None:
    postmark = "From ada@example.org Fri Apr 20 19:35:02 2001\n"
    made = read(tmp_path, f"{postmark}{_FIRST}\n{postmark}{_SECOND}", "all.mbox")
    kinds = [kind for kind, _ in made.told()]
    assert kinds == ["FRONT_MATTER", "TEXT", "FRONT_MATTER", "TEXT", "TEXT"]
    assert "The first. Subject: Two" in made.flat
    assert "The second. From the start." in made.flat
    assert made.reader.properties.title == ""


def test_a_postmark_alone_makes_no_mailbox(tmp_path: Path) -> None:
    made = read(tmp_path, f"From ada@example.org Fri Apr 20 19:35:02 2001\n{_SECOND}", "one.eml")
    assert made.reader.properties.title == "Two"
    assert ">From the start." in made.flat


def test_a_saved_page_is_its_text_without_its_styles(tmp_path: Path) -> None:
    page = "Content-Type: text/html\nContent-Location: https://example.org/\n\n<h1>The lamp</h1><p>It burns.</p>"
    style = "Content-Type: text/css\nContent-Location: https://example.org/a.css\n\nbody { color: red }"
    dot = "Content-Type: image/png\nContent-Location: https://example.org/a.png\n\nx"
    body, headers = multipart("related", page, style, dot)
    made = read(tmp_path, f"From: <Saved by Blink>\nSubject: The lamp\n{headers}\n{body}", "page.mht")
    assert made.told()[1:] == [("HEADING1", "The lamp"), ("TEXT", "It burns.")]
    assert "Attachments" not in made.flat


def test_a_mail_that_says_it_has_parts_and_has_none_keeps_its_text(tmp_path: Path) -> None:
    headers = "From: a@example.org\nSubject: Parts\nContent-Type: multipart/alternative;\n"
    assert "The whole text." in read(tmp_path, f"{headers}\nThe whole text.\n", "a.eml").flat


def test_a_mail_of_rtf_alone(tmp_path: Path) -> None:
    made = container(message(32, {"0037001F": text("Rich"), "10090102": _PACKED}, p3FDE=1252))
    assert "hello world" in read(tmp_path, made, "a.msg").flat


def test_packed_rtf_that_is_none_gives_what_can_be_read() -> None:
    assert compressed_rtf.unpacked(_PACKED) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert compressed_rtf.unpacked(b"") == compressed_rtf.unpacked(b"\x00" * 99) == b""
    assert compressed_rtf.unpacked(struct.pack("<4sI4sI", b"", 5, b"MELA", 0) + b"{\\a} and more") == b"{\\a} "
    for cut in range(len(_PACKED)):
        assert compressed_rtf.unpacked(_PACKED).startswith(compressed_rtf.unpacked(_PACKED[:cut]))
