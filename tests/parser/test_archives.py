"""Archives: a listing to be found by, and members as documents, whatever the archive says of itself."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from tests.parser.mails import inside
from tests.parser.parser_process import Client
from tests.parser.small_files import docx, pdf, word_xml

from lorekeep_chassis import errors

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = {"a.txt": b"The first text.", "deep/er/b.md": b"# The second"}


def zipped(files: dict[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes] = FILES, *others: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for each in others:
            archive.addfile(each)
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "packed",
    [zipped, tarred, lambda: gzip.compress(tarred()), lambda: bz2.compress(tarred()), lambda: lzma.compress(tarred())],
)
async def test_members_are_listed_and_given(client: Client, packed: Callable[[], bytes]) -> None:
    parsed = await client.parse(packed(), "papers.of.may", attachments=True)
    assert inside(parsed) == FILES
    assert parsed.text.startswith("Archive: papers.of.may\nMembers: 2")
    assert all(name in parsed.text for name in FILES)
    assert list(parsed.verdict.warnings) == []


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
async def test_a_file_that_is_packed_alone(client: Client, pack: Callable[[bytes], bytes]) -> None:
    parsed = await client.parse(pack(b"A text of its own."), "letter.txt.gz", attachments=True)
    assert inside(parsed) == {"letter.txt": b"A text of its own."}


async def test_an_office_document_is_no_archive(client: Client) -> None:
    assert "Some words" in (await client.parse(docx(word_xml("Some words")), attachments=True)).text


async def test_paths_lead_nowhere_and_links_are_named(client: Client) -> None:
    names = {"/etc/passwd": b"one", "../../up.txt": b"two", "C:\\temp\\c.txt": b"three"}
    others = [
        special("link", tarfile.SYMTYPE, "/etc/shadow"),
        special("null", tarfile.CHRTYPE),
        special("d", tarfile.DIRTYPE),
    ]
    parsed = await client.parse(tarred(names, *others), attachments=True)
    assert inside(parsed) == {"etc/passwd": b"one", "up.txt": b"two", "temp/c.txt": b"three"}
    assert list(parsed.verdict.warnings) == ["member_special: a link or a device: link, null"]


async def test_a_link_in_a_zip_is_named(client: Client) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "text")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    parsed = await client.parse(buffer.getvalue(), attachments=True)
    assert inside(parsed) == {"a.txt": b"text"}
    assert list(parsed.verdict.warnings) == ["member_special: a link or a device: link"]


def locked(data: bytes, *names: str) -> bytes:
    """The archive with members marked as encrypted."""
    changed = bytearray(data)
    for name in names:
        place = -1
        while (place := data.find(name.encode(), place + 1)) >= 0:
            for signature, before, flag in ((b"PK\x03\x04", 30, 6), (b"PK\x01\x02", 46, 8)):
                if data[place - before : place - before + 4] == signature:
                    changed[place - before + flag] |= 1
    return bytes(changed)


async def test_encrypted_members_are_named(client: Client) -> None:
    parsed = await client.parse(locked(zipped(), "a.txt"), attachments=True)
    assert list(inside(parsed)) == ["deep/er/b.md"]
    assert list(parsed.verdict.warnings) == ["member_encrypted: protected by a password: a.txt"]
    assert parsed.verdict.truncations == 1


async def test_an_archive_of_encrypted_members_alone_is_encrypted(client: Client) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        await client.parse(locked(zipped(), *FILES), attachments=True)
    assert caught.value.reason == "encrypted"


async def test_members_of_no_kind_are_named_and_damaged_documents_are_given(client: Client) -> None:
    files = {"tool.exe": b"MZ\x00\x01\x02" * 500, "empty.txt": b"", "broken.docx": b"PK\x03\x04no", "a.txt": b"text"}
    parsed = await client.parse(zipped({**files, "__MACOSX/._a": b"\x00", ".DS_Store": b"\x00"}), attachments=True)
    assert list(inside(parsed)) == ["broken.docx", "a.txt"]
    assert list(parsed.verdict.warnings) == [
        "attachments_left_out: of no kind that is read: tool.exe",
        "attachments_empty: without content: empty.txt",
    ]


async def test_a_damaged_member_spoils_no_other(client: Client) -> None:
    data = bytearray(zipped({"a.txt": b"some text " * 50, "b.txt": b"more"}, zipfile.ZIP_STORED))
    data[data.index(b"some text ") + 3] ^= 0xFF
    parsed = await client.parse(bytes(data), attachments=True)
    assert list(inside(parsed)) == ["b.txt"]
    assert any(each.startswith("member_damaged") for each in parsed.verdict.warnings)


async def test_an_archive_that_is_cut_off_gives_what_is_whole(client: Client) -> None:
    data = tarred({"a.txt": b"first " * 1000, "b.txt": b"second " * 1000})
    parsed = await client.parse(data[:9000], attachments=True)
    assert list(inside(parsed)) == ["a.txt"]
    assert parsed.verdict.warnings


async def test_a_member_is_counted_and_not_believed(client: Client) -> None:
    big = zipped({"zeros.txt": b"0" * (60 * 2**20), "a.txt": b"text"})
    place = big.rindex(b"PK\x01\x02")
    lying = bytearray(big)
    first = big.index(b"PK\x01\x02")
    lying[first + 24 : first + 28] = (10).to_bytes(4, "little")
    assert place > first
    for data in (big, bytes(lying)):
        parsed = await client.parse(data, attachments=True)
        assert list(inside(parsed)) == ["a.txt"]
        assert parsed.verdict.warnings
        assert parsed.verdict.truncations == 1


async def test_an_archive_that_says_it_is_a_bomb_is_refused(client: Client) -> None:
    files = {f"{number}.txt": b"0" * (8 * 2**20) for number in range(30)}
    with pytest.raises(errors.TooLarge) as caught:
        await client.parse(zipped(files), attachments=True)
    assert caught.value.reason == "too_large_unpacked"


async def test_a_bomb_of_many_members_ends(client: Client) -> None:
    files = {f"{number}.txt": b"0" * (8 * 2**20) for number in range(30)}
    parsed = await client.parse(gzip.compress(tarred(files)), attachments=True)
    assert len(inside(parsed)) < 9
    assert any(each.startswith("members_beyond") for each in parsed.verdict.warnings)


async def test_a_tar_that_unpacks_to_far_more_ends(client: Client) -> None:
    data = tarred({"a.txt": b"text"})[:1024] + tarred({"zeros": b"\x00" * (70 * 2**20), "b.txt": b"behind"})
    parsed = await client.parse(gzip.compress(data, 9), attachments=True)
    assert list(inside(parsed)) == ["a.txt"]
    assert any(each.startswith("members_beyond") for each in parsed.verdict.warnings)


async def test_more_members_than_may_be_are_named(client: Client) -> None:
    parsed = await client.parse(zipped({f"{number}.txt": b"%d" % number for number in range(1010)}), attachments=True)
    assert len(inside(parsed)) == 1000
    assert "1009.txt" in parsed.text
    assert parsed.verdict.truncations == 10


@pytest.mark.parametrize(
    ("name", "encoding"), [("報告書とお知らせ.txt", "cp932"), ("Grün.txt", "cp437"), ("Grün.txt", "utf-8")]
)
async def test_names_of_other_systems(client: Client, name: str, encoding: str) -> None:
    raw = name.encode(encoding)
    data = zipped({"x" * len(raw): b"text"}).replace(b"x" * len(raw), raw)
    assert list(inside(await client.parse(data, attachments=True))) == [name]


async def test_an_empty_archive_is_still_found_by_its_name(client: Client) -> None:
    assert "Archive: nothing.zip" in (await client.parse(zipped({}), "nothing.zip", attachments=True)).text


async def test_what_was_not_asked_for_is_not_unpacked(client: Client) -> None:
    parsed = await client.parse(zipped())
    assert inside(parsed) == {}
    assert len(parsed.verdict.warnings) == 2


@pytest.mark.parametrize("packed", [tarred, lambda files: zipped(files, zipfile.ZIP_STORED)])
async def test_an_archive_that_begins_with_a_pdf_is_an_archive(
    client: Client, packed: Callable[[dict[str, bytes]], bytes]
) -> None:
    first = {"first.pdf": pdf([[(12.0, 100.0, "Some words")]])}
    assert inside(await client.parse(packed(first), attachments=True)) == first
