"""Documents that a server of the unstructured API reads: asked once, its answer kept, its troubles typed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.gateway.receivers import Answer, Receiver, Request, hang, receiving, replying
from tests.ingest.bench import Bench, book, until
from tests.ingest.services import Hook

from lorekeep_chassis import errors
from lorekeep_gateway.bell import Bell
from lorekeep_gateway.ingest.elsewhere import ELEMENTS_MEDIA_TYPE
from lorekeep_gateway.ingest.remote import RemoteParser
from lorekeep_gateway.ingest.role import Ingest

KEY = "key-of-the-server"
# The parser of these tests reads lines; a form feed ends a page of it.
FOUND = b'[{"type": "Title",\n"text": "One"},\f{"type": "NarrativeText",\n"text": "Two."}]\f ,\f end'
TYPE = "application/json"


@dataclass
class Script:
    """Answers of a server, one a request; the last one stays."""

    answers: list[Answer] = field(default_factory=list)

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await answer(request, writer)


GOOD = replying(200, FOUND, Content_Type=TYPE)


@asynccontextmanager
async def read_by(bench: Bench, *answers: Answer, **changed: Any) -> AsyncIterator[Receiver]:
    """A worker whose documents a server reads."""
    async with receiving(Script(list(answers))) as server:
        given = {"unstructured_api_url": server.url(), "unstructured_api_key": KEY, **changed}
        settings = type(bench.settings).model_validate({**bench.settings.model_dump(), **given})
        async with RemoteParser.opened(settings) as remote:
            ingest = Ingest(bench.database, bench.blobs, bench.callees, settings, Bell(None), remote)
            async with bench.working(ingest):
                yield server


async def pdf(bench: Bench, text: str = "bytes of a PDF") -> dict[str, str]:
    """A document that is said to be a PDF."""
    ids = await bench.document(await bench.collection(), text)
    await bench.sql("update versions set media_type = 'application/pdf', name = 'a\"b.pdf' where id = $1",
                    ids["version_id"])  # fmt: skip
    return ids


def failing(error: errors.LorekeepError, *at: int) -> Hook:
    def hook(number: int) -> None:
        if number in at:
            raise error

    return hook


async def kept(bench: Bench) -> list[str]:
    return sorted([each.name async for portion in bench.blobs.listed("org_a", "artefacts") for each in portion])


async def test_a_document_is_read_by_the_server_and_its_answer_by_the_parser(bench: Bench) -> None:
    ids = await pdf(bench)
    async with read_by(bench, GOOD) as server:
        assert (await bench.ended(ids))["status"] == "succeeded"
    (request,) = server.requests
    assert request.line.startswith("POST /general/v0/general ")
    assert request.headers["unstructured-api-key"] == KEY
    assert (
        b'name="files"; filename="a%22b.pdf"\r\nContent-Type: application/pdf\r\n\r\nbytes of a PDF\r\n' in request.body
    )
    assert b'name="coordinates"\r\n\r\ntrue' in request.body
    (start,) = bench.services.parser.starts
    assert (start.declared_media_type, start.size_bytes) == (ELEMENTS_MEDIA_TYPE, len(FOUND))
    text = "".join(each.chunk.chunk.text for each in bench.services.search.points.values())
    assert '"text": "Two."' in text


async def test_the_server_is_asked_once_whatever_breaks_behind_it(bench: Bench) -> None:
    ids = await pdf(bench)
    broken = errors.Unavailable("The parser is away.")
    bench.services.parser.batch.hook = failing(broken, 2, 3)
    bench.services.search.upsert.hook = failing(errors.Internal(), 2)
    async with read_by(bench, GOOD) as server:
        assert (await bench.ended(ids))["status"] == "succeeded"
    assert len(server.requests) == 1
    assert {each.declared_media_type for each in bench.services.parser.starts} == {ELEMENTS_MEDIA_TYPE}
    *segments, answer = await kept(bench)
    assert (answer, len(segments)) == ("elements.json", 2)
    assert await bench.blobs.remove_artefact("org_a", ids["version_id"]) == 2
    assert await kept(bench) == []


async def test_a_kept_answer_is_gone_on_with_where_no_server_is_named_any_more(bench: Bench) -> None:
    ids = await pdf(bench)
    bench.services.parser.batch.hook = failing(errors.Unavailable("The parser is away."), *range(2, 99))
    async with read_by(bench, GOOD):
        await until(lambda: _calls(bench, 3))
    bench.services.parser.batch.hook = lambda number: None
    async with bench.working():
        assert (await bench.ended(ids))["status"] == "succeeded"
    assert bench.services.parser.starts[-1].declared_media_type == ELEMENTS_MEDIA_TYPE


async def test_what_was_begun_here_goes_on_here(bench: Bench) -> None:
    ids = await pdf(bench, book(6))
    bench.services.parser.batch.hook = failing(errors.Unavailable("The parser is away."), *range(2, 99))
    async with bench.working():
        await until(lambda: _calls(bench, 3))
    bench.services.parser.batch.hook = lambda number: None
    async with read_by(bench, GOOD) as server:
        assert (await bench.ended(ids))["status"] == "succeeded"
    assert server.requests == []


async def _calls(bench: Bench, number: int) -> bool:
    return bench.services.parser.batch.calls >= number


async def test_plain_text_is_read_here(bench: Bench) -> None:
    ids = await bench.document(await bench.collection(), "some text")
    async with read_by(bench, GOOD) as server:
        assert (await bench.ended(ids))["status"] == "succeeded"
    assert server.requests == []


async def broken_off(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 Told\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n[{")
    await writer.drain()


PASSING: dict[str, Answer] = {
    "away": replying(503, b"{}", Retry_After="0"),
    "failing": replying(500, b"oops"),
    "asking to wait": replying(429, b""),
    "without a right for us": replying(401, b'{"detail": "API key is invalid"}'),
    "without such a route": replying(404, b""),
    "leading elsewhere": replying(302, b"", Location="http://192.0.2.1/"),
    "broken off": broken_off,
    "silent": hang,
}


@pytest.mark.parametrize("what", PASSING)
async def test_a_server_that_does_not_serve_is_waited_for(bench: Bench, what: str) -> None:
    ids = await pdf(bench)
    async with read_by(bench, PASSING[what], GOOD, stage_deadline_seconds=2) as server:
        job = await bench.ended(ids)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert len(server.requests) == 2


FINAL: dict[str, tuple[Answer, str, str]] = {
    "damaged": (replying(422, b'{"detail": "File is not\\n a valid docx, said key-of-the-server"}'), "corrupt",
                "The remote parser refused the document: File is not a valid docx, said ***"),
    "refused": (replying(400, b"<html>"), "corrupt", "The remote parser refused the document: status 400"),
    "unread": (replying(415, b'{"detail": "no"}'), "unsupported_media",
               "The remote parser refused the document: no"),
    "a web page": (replying(200, b"<html></html>"), "corrupt", "element JSON"),
    "nothing": (replying(200, b""), "corrupt", "element JSON"),
    "too long": (replying(200, b"[", Content_Length=str(10**9)), "too_large", "larger than"),
}  # fmt: skip


@pytest.mark.parametrize("what", FINAL)
async def test_what_it_says_of_a_document_is_told(bench: Bench, what: str) -> None:
    answer, reason, message = FINAL[what]
    ids = await pdf(bench)
    async with read_by(bench, answer):
        job = await bench.ended(ids)
    assert (job["status"], job["dead"], job["error"]["reason"]) == ("failed", False, reason)
    assert message in job["error"]["message"]
    assert await kept(bench) == []
    assert [each async for each in bench.blobs.listed("org_a", "uploads")] in ([], [[]])


async def test_an_answer_that_the_parser_cannot_read_is_not_kept(bench: Bench) -> None:
    ids = await pdf(bench)
    bench.services.parser.parse.hook = failing(errors.InvalidInput("Nonsense.", reason="corrupt"), 1)
    async with read_by(bench, GOOD):
        assert (await bench.ended(ids))["error"]["reason"] == "corrupt"
    assert await kept(bench) == []


async def test_settings_name_a_server_that_can_be_reached(bench: Bench) -> None:
    kind, given = type(bench.settings), bench.settings.model_dump()
    for wrong in ("ftp://a", "http://user:word@a/", "a", "http://a:22"):
        with pytest.raises(ValueError, match="unstructured_api_url"):
            kind.model_validate({**given, "unstructured_api_url": wrong})
    async with RemoteParser.opened(kind.model_validate(given)) as remote:
        assert remote is None
