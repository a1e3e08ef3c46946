"""Mails: every text is read, everything attached is given."""

import base64
import struct

import pytest
from tests.parser.mails import inside, mail, multipart
from tests.parser.parser_process import Client

from lorekeep_chassis import errors

pytestmark = pytest.mark.asyncio(loop_scope="session")

_NOTE = "Content-Type: text/plain; charset=utf-8\nContent-Disposition: attachment; filename=note.txt\n\nThe note.\n"
_TEXT = "Content-Type: text/plain; charset=utf-8\n\nThe keys are under the mat.\n"


async def test_headers_and_properties(client: Client) -> None:
    subject = "=?utf-8?B?" + base64.b64encode("Schlüssel für Köln".encode()).decode() + "?="
    parsed = await client.parse(mail("Under the mat.", "Cc: =?iso-8859-1?Q?J=F6rg?= <j@example.org>\n", subject))
    front = parsed.elements[0].text.split("\n")
    assert front[0] == "Subject: Schlüssel für Köln"
    assert "Cc: Jörg <j@example.org>" in front
    assert "Under the mat." in parsed.text
    told = parsed.finished.properties
    assert (told.title, list(told.authors), told.created_at) == (
        "Schlüssel für Köln",
        ["Ada"],
        "2024-05-17T10:00:00+02:00",
    )


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("iso-8859-1", "latin-1"), ("shift_jis", "cp932"), ("utf-7-or-so", "utf-8"), ("", "cp932")],
)
async def test_a_part_says_its_charset_or_its_bytes_do(client: Client, charset: str, encoding: str) -> None:
    text = "Grüße aus Köln" if encoding == "latin-1" else "鍵はマットの下にあります。よろしくお願いします。"
    content = base64.b64encode(text.encode(encoding)).decode()
    told = f"; charset={charset}" if charset else ""
    headers = f"Content-Type: text/plain{told}\nContent-Transfer-Encoding: base64\n"
    assert text in (await client.parse(mail(content, headers))).text


async def test_texts_of_all_parts_and_what_is_attached(client: Client) -> None:
    related = multipart(
        "related",
        "Content-Type: text/html\n\n<p>Rich <b>words</b> of a long letter</p>",
        "Content-Type: image/png\nContent-ID: <x>\n\nx",
    )
    nested = multipart("alternative", _TEXT.replace("The keys", "Plain"), f"{related[1]}\n{related[0]}")
    body, headers = multipart(
        "mixed", _TEXT, f"{nested[1]}\n{nested[0]}", _NOTE, "Content-Type: text/plain\n\nA footer."
    )
    parsed = await client.parse(mail(body, headers), attachments=True)
    for words in ("The keys are under the mat.", "Rich words", "A footer."):
        assert words in parsed.text
    assert "Plain" not in parsed.text
    assert "Attachments: note.txt" in parsed.text
    assert inside(parsed)["note.txt"].strip() == b"The note."


async def test_html_that_says_less_than_the_plain_text_is_left(client: Client) -> None:
    body, headers = multipart("alternative", _TEXT, "Content-Type: text/html\n\n<p>Hi</p>")
    assert "under the mat" in (await client.parse(mail(body, headers))).text


async def test_a_table_in_html_stays_a_table(client: Client) -> None:
    html = "<html><body><table><tr><th>day</th><th>deed</th></tr><tr><td>1</td><td>read</td></tr></table></body></html>"
    parsed = await client.parse(mail(html, "Content-Type: text/html\n"))
    assert "day\tdeed\n1\tread" in parsed.text


async def test_wrapped_lines_are_joined(client: Client) -> None:
    parsed = await client.parse(
        mail("The keys are \nunder the \nmat.\n> quoted \n> words\n", "Content-Type: text/plain; format=flowed\n")
    )
    assert "The keys are under the mat." in parsed.text
    assert "> quoted words" in parsed.text


async def test_a_mail_inside_of_a_mail_is_given_whole(client: Client) -> None:
    letter = mail("The first word.", subject="Old / letter").decode()
    body, headers = multipart("mixed", _TEXT, f"Content-Type: message/rfc822\n\n{letter}")
    found = inside(await client.parse(mail(body, headers), attachments=True))
    assert list(found) == ["Old   letter.eml"]
    again = await client.parse(found["Old   letter.eml"], "x.eml")
    assert "The first word." in again.text


async def test_what_was_not_asked_for_is_named(client: Client) -> None:
    body, headers = multipart("mixed", _TEXT, _NOTE)
    parsed = await client.parse(mail(body, headers))
    assert inside(parsed) == {}
    assert [each for each in parsed.verdict.warnings if "note.txt" in each]


async def test_what_nobody_reads_is_named_and_small_pictures_are_passed_over(client: Client) -> None:
    program = base64.b64encode(b"\x7fELF" + bytes(range(256)) * 40).decode()
    pixel = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\x00" * 100).decode()
    encoded = "Content-Transfer-Encoding: base64"
    body, headers = multipart(
        "mixed",
        _TEXT,
        f"Content-Type: application/octet-stream; name=tool.bin\n{encoded}\n\n{program}",
        f"Content-Type: image/png\nContent-ID: <p>\nContent-Disposition: inline; filename=p.png\n{encoded}\n\n{pixel}",
        "Content-Type: application/pgp-signature; name=s.asc\n\nsigned",
    )
    parsed = await client.parse(mail(body, headers), attachments=True)
    assert inside(parsed) == {}
    assert list(parsed.verdict.warnings) == ["attachments_left_out: of no kind that is read: tool.bin"]


async def test_winmail_dat_is_opened(client: Client) -> None:
    def attribute(key: int, value: bytes) -> bytes:
        return struct.pack("<BII", 2, key, len(value)) + value + b"\x00\x00"

    name = "long name.txt".encode("utf-16-le") + b"\x00\x00"
    data = struct.pack("<IH", 0x223E9F78, 1) + attribute(0x69002, b"\x00" * 14) + attribute(0x18010, b"LONG~1.TXT\x00")
    data += attribute(0x6800F, b"Words of the note.")
    data += attribute(0x69005, struct.pack("<IHHII", 1, 0x1F, 0x3707, 1, len(name)) + name)
    part = "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
    body, headers = multipart("mixed", _TEXT, part + base64.b64encode(data).decode())
    found = inside(await client.parse(mail(body, headers), attachments=True))
    assert found == {"long name.txt": b"Words of the note."}


async def test_a_sealed_mail_says_so(client: Client) -> None:
    parsed = await client.parse(mail("TUlN", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n"))
    assert "body_encrypted" in " ".join(parsed.verdict.warnings)


@pytest.mark.parametrize("mark", ["utf-16", "utf-8-sig"])
async def test_a_mail_saved_in_another_encoding(client: Client, mark: str) -> None:
    parsed = await client.parse(mail("Grüße.", "Content-Type: text/plain; charset=utf-8\n").decode().encode(mark))
    assert parsed.verdict.media_type == "message/rfc822"
    assert "Grüße." in parsed.text


def nested(levels: int) -> bytes:
    """Multiparts in multiparts."""
    opening = "".join(f'Content-Type: multipart/mixed; boundary="b{level}"\n\n--b{level}\n' for level in range(levels))
    return b"From: a@example.org\nSubject: deep\n" + opening.encode() + b"Content-Type: text/plain\n\nbottom"


@pytest.mark.parametrize("levels", [60, 3000])
async def test_parts_in_parts_end_somewhere(client: Client, levels: int) -> None:
    try:
        parsed = await client.parse(nested(levels), attachments=True)
    except errors.InvalidInput as error:
        assert error.reason == "corrupt"
    else:
        assert any(each.startswith("parts_left_out") for each in parsed.verdict.warnings)


async def test_the_same_mail_gives_the_same(client: Client) -> None:
    body, headers = multipart("mixed", _TEXT, _NOTE, _NOTE.replace("note.txt", "other.txt"))
    first, second = [await client.parse(mail(body, headers), attachments=True) for _ in range(2)]
    assert first.messages[1:] == second.messages[1:]
