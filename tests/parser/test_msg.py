"""Outlook's mails: texts in whatever encoding, files and mails that are attached."""

import pytest
from tests.parser.mails import inside
from tests.parser.ole import Folder, container, message, text
from tests.parser.parser_process import Client

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA: Folder = {"0037001F": text("Keys"), "0C1A001F": text("Ada"), "5D01001F": text("ada@example.org")}


def attached(name: str, content: bytes) -> Folder:
    return message(8, {"3707001F": text(name), "37010102": content})


def mail(offset: int = 32, **more: bytes | Folder) -> Folder:
    return message(offset, {**ADA, **more}, p3FDE=1252)


async def test_headers_texts_and_files(client: Client) -> None:
    receiver = message(8, {"3001001F": text("Bob"), "39FE001F": text("bob@example.org")})
    made = mail(**{
        "1000001F": text("The keys are under the mat. Grüße."),
        "__recip_version1.0_#00000000": receiver,
        "__attach_version1.0_#00000000": attached("note.txt", b"The note."),
        "__attach_version1.0_#00000001": attached("tool.exe", b"MZ\x00\x01" * 900),
    })  # fmt: skip
    parsed = await client.parse(container(made), "keys.msg", attachments=True)
    assert parsed.verdict.media_type == "application/vnd.ms-outlook"
    for words in ("Subject: Keys", "From: Ada <ada@example.org>", "To: Bob <bob@example.org>", "mat. Grüße."):
        assert words in parsed.text
    assert inside(parsed) == {"note.txt": b"The note."}
    assert list(parsed.verdict.warnings) == ["attachments_left_out: of no kind that is read: tool.exe"]
    told = parsed.finished.properties
    assert (told.title, list(told.authors)) == ("Keys", ["Ada"])


async def test_html_in_the_code_page_of_the_mail(client: Client) -> None:
    html = "<html><body><h1>Der Schlüssel</h1><p>Er liegt unter der Fußmatte.</p></body></html>".encode("cp1252")
    parsed = await client.parse(container(mail(**{"10130102": html})), "keys.msg")
    assert "Er liegt unter der Fußmatte." in parsed.text


async def test_a_mail_inside_of_a_mail_is_given_with_what_is_inside_of_it(client: Client) -> None:
    letter = mail(24, **{
        "1000001F": text("The first word."),
        "__attach_version1.0_#00000000": attached("note.txt", b"The note."),
    })  # fmt: skip
    carrier = message(8, {"__substg1.0_3701000D": letter})
    parsed = await client.parse(
        container(mail(**{"1000001F": text("See below."), "__attach_version1.0_#00000000": carrier})), attachments=True
    )
    found = inside(parsed)
    assert list(found) == ["Keys.eml"]
    again = await client.parse(found["Keys.eml"], "Keys.eml", attachments=True)
    assert again.verdict.media_type == "message/rfc822"
    assert "From: Ada <ada@example.org>" in again.text
    assert "The first word." in again.text
    assert inside(again) == {"note.txt": b"The note."}
