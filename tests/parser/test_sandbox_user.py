"""The real parser as uid 1000 without capabilities: it reads what it reads, behind the same walls."""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
import pytest_asyncio
from tests.parser import plain_user, probes, small_files
from tests.parser.parser_process import Client, ParserProcess, of_process, running

from lorekeep_parser.readers import ocr
from lorekeep_parser.sandbox import child_limits, landlock

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(bool(plain_user.missing()), reason=plain_user.missing()),
]
_WORDS = "The lamp burns all night"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def plain() -> AsyncIterator[tuple[ParserProcess, Client]]:
    with plain_user.directory() as scratch:
        settings = {"PYTHONPATH": plain_user.python_path(), "HOME": str(scratch)}
        async with running(scratch, plain_user.COMMAND, **settings) as pair:
            yield pair


def _mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "The lamp"
    message.set_content(_WORDS)
    return message.as_bytes()


def _workbook() -> bytes:
    from openpyxl import Workbook

    book, buffer = Workbook(), io.BytesIO()
    book.active.append([_WORDS, "and the day"])
    book.save(buffer)
    return buffer.getvalue()


def _picture() -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    image, buffer = Image.new("L", (1200, 200), 255), io.BytesIO()
    ImageDraw.Draw(image).text((40, 60), _WORDS, fill=0, font=ImageFont.load_default(size=64))
    image.save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (_WORDS.encode(), "a.txt"),
        (f"# Lamps\n\n{_WORDS}".encode(), "a.md"),
        (f"<!doctype html><html><body><p>{_WORDS}</p></body></html>".encode(), "a.html"),
        (f"first,second\n{_WORDS},x\n".encode(), "a.csv"),
        (json.dumps({"lamp": _WORDS}).encode(), "a.json"),
        (small_files.pdf([[(11, 100, _WORDS)]]), "a.pdf"),
        (small_files.docx(small_files.word_xml(_WORDS)), "a.docx"),
        (_workbook(), "a.xlsx"),
        (_mail(), "a.eml"),
        pytest.param(
            _picture(), "a.png",
            marks=pytest.mark.skipif(not ocr.available(), reason="tesseract is not installed"),
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
async def test_each_format_is_read(plain: tuple[ParserProcess, Client], data: bytes, name: str) -> None:
    assert _WORDS in (await plain[1].parse(data, name)).text


async def test_the_walls_stand(plain: tuple[ParserProcess, Client]) -> None:
    _, body = await plain[0].probe("/health/ready")
    assert json.loads(body)["components"]["sandbox"]["status"] == "ok"


async def test_a_child_at_work(plain: tuple[ParserProcess, Client]) -> None:
    process, client = plain
    call = asyncio.create_task(client.parse(b"The keeper climbed the stairs again. " * 300_000, "long.txt"))
    pid = await process.one_forked()
    for _ in range(500):
        if "\nSeccomp:\t2\n" in of_process(pid, "status"):
            break
        await asyncio.sleep(0.01)
    status = dict(line.split(":\t", 1) for line in of_process(pid, "status").splitlines())
    limits = {line[:25].strip(): line[26:].split()[0] for line in of_process(pid, "limits").splitlines()}
    descriptors = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert status["Uid"].split() == [str(plain_user.UID)] * 4
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert limits["Max address space"] == str(child_limits.MEMORY_BYTES)
    assert limits["Max file size"] == str(child_limits.FILE_BYTES)
    assert limits["Max open files"] == str(child_limits.OPEN_FILES)
    assert limits["Max core file size"] == "0"
    assert limits["Max processes"].isdigit()
    assert len(descriptors) <= 6  # the standard streams, the parser's, the document


async def test_a_child_does_not_see_into_the_servers(plain: tuple[ParserProcess, Client]) -> None:
    """Children run as the same user as the process that holds the token."""
    process, _ = plain
    with plain_user.directory() as scratch:
        for pid in (process.pid, process.fork_server("light"), process.fork_server("heavy")):
            told = await asyncio.to_thread(
                probes.tried, "others", scratch, plain_user.COMMAND, plain_user.python_path(), pid=pid
            )
            (outcomes,) = told.answers
            assert (outcomes["environment"], outcomes["memory"]) == ("EACCES", "EACCES")
            assert outcomes["signal"] == ("EPERM" if landlock.version() >= 6 else "allowed")
