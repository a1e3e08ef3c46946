"""Web pages: fetched at once from a real server, kept like uploads, fetched again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.receivers import Receiver, Request, receiving, reply, replying
from tests.gateway.suite import Suite, running

WEBSITES = "/api/v1/collections/demo/websites"
HTML = b"<!doctype html><title>Refunds</title><p>They take five days."


@pytest.fixture
async def open_suite(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    """A gateway that may fetch from this machine, files of at most 64 KiB."""
    async with running(database_url, tmp_path, outbound_allowed="127.0.0.1", max_file_size=65536) as started:
        await started.collection()
        yield started


async def _add(suite: Suite, url: str, **body: Any) -> Any:
    return await suite.http.post(WEBSITES, json={"url": url, **body})


async def _kept(suite: Suite, public_id: str) -> bytes:
    return (await suite.http.get(f"/api/v1/collections/demo/documents/{public_id}/content")).content


async def test_a_page_is_fetched_and_kept(open_suite: Suite) -> None:
    async with receiving(replying(body=HTML, Content_Type="text/html; charset=utf-8")) as server:
        answer = await _add(open_suite, server.url("/docs/refunds"), document_id="r", metadata={"a": 1})
    assert answer.status_code == 202, answer.text
    told = answer.json()["document"]
    assert (told["kind"], told["name"]) == ("website", "127.0.0.1/docs/refunds")
    shown = (await open_suite.http.get(f"{WEBSITES}/r")).json()
    assert (shown["url"], shown["media_type"]) == (server.url("/docs/refunds"), "text/html")
    assert shown["final_url"] == shown["url"]
    assert shown["fetched_at"].endswith("Z")
    assert await _kept(open_suite, "r") == HTML
    assert len((await open_suite.http.get(WEBSITES)).json()["websites"]) == 1


async def test_a_redirect_tells_where_it_led(open_suite: Suite) -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        moved = {"Location": "/new.md"} if " /old " in request.line else {"Content_Type": "text/plain"}
        await reply(writer, 302 if "Location" in moved else 200, b"# New", **moved)

    async with receiving(answer) as server:
        await _add(open_suite, server.url("/old"), document_id="r")
    shown = (await open_suite.http.get(f"{WEBSITES}/r")).json()
    assert (shown["url"], shown["final_url"]) == (server.url("/old"), server.url("/new.md"))
    assert (shown["name"], shown["media_type"]) == ("127.0.0.1/new.md", "text/markdown")


CHARSETS = [
    ("text/html; charset=windows-1251", "<p>Возврат".encode("cp1251"), b"\xef\xbb\xbf" + "<p>Возврат".encode()),
    (
        "text/html; charset=shift_jis",
        "<meta charset=utf-8>返金".encode("cp932"),
        b"\xef\xbb\xbf" + "<meta charset=utf-8>返金".encode(),
    ),
    ("text/html; charset=windows-1251", b"\xef\xbb\xbfbytes", b"\xef\xbb\xbfbytes"),
    ("text/html; charset=nonsense", b"<p>caf\xe9", b"<p>caf\xe9"),
    ("text/html; charset=rot13", b"<p>plain", b"<p>plain"),
    ("text/html; charset=idna", b"<p>plain", b"<p>plain"),
    ("text/html; charset=punycode", b"<p>caf\xe9", b"<p>caf\xe9"),
    ("text/html; charset=undefined", b"<p>plain", b"<p>plain"),
    ("text/html; charset*=utf-8''a%00b", b"<p>plain", b"<p>plain"),
    (f"text/html; charset*{'9' * 5000}*=utf-8''a", b"<p>plain", b"<p>plain"),
    ("text/html", "<p>naïve".encode("cp1252"), "<p>naïve".encode("cp1252")),
    ("application/pdf; charset=cp1251", b"%PDF-1.4 \xe9", b"%PDF-1.4 \xe9"),
]


@pytest.mark.parametrize(("content_type", "sent", "kept"), CHARSETS)
async def test_a_declared_encoding_is_not_lost(open_suite: Suite, content_type: str, sent: bytes, kept: bytes) -> None:
    async with receiving(replying(body=sent, Content_Type=content_type)) as server:
        assert (await _add(open_suite, server.url(), document_id="r")).status_code == 202
    assert await _kept(open_suite, "r") == kept


async def test_what_is_declared_is_checked_by_its_bytes(open_suite: Suite) -> None:
    declared = [("text/html", b"%PDF-1.4", "application/pdf"), ("application/pdf", b"only text", "text/plain")]
    for content_type, body, media_type in declared:
        async with receiving(replying(body=body, Content_Type=content_type)) as server:
            told = (await _add(open_suite, server.url())).json()["document"]
        shown = (await open_suite.http.get(f"{WEBSITES}/{told['id']}")).json()
        assert shown["media_type"] == media_type


REFUSED = [
    (replying(body=b""), 422, "empty_file"),
    (replying(body=b"MZ\x90\x00" + bytes(200), Content_Type="text/html"), 415, "unsupported_media"),
    (replying(404, b"gone"), 422, "url_status"),
]


@pytest.mark.parametrize(("answer", "status", "reason"), REFUSED)
async def test_a_page_that_is_no_document_leaves_nothing(
    open_suite: Suite, answer: Any, status: int, reason: str
) -> None:
    async with receiving(answer) as server:
        refused = await _add(open_suite, server.url())
    assert (refused.status_code, refused.json()["error"]["reason"]) == (status, reason)
    assert open_suite.files() == []
    assert await open_suite.rows("documents") == 0


async def test_a_page_that_is_too_large_leaves_nothing(open_suite: Suite) -> None:
    async with receiving(replying(body=b"x" * 65537, Content_Type="text/plain")) as server:
        assert (await _add(open_suite, server.url())).status_code in (413, 422)
    assert open_suite.files() == []


async def test_an_inner_address_is_refused_where_it_is_not_listed(suite: Suite) -> None:
    await suite.collection()
    async with receiving(replying(body=HTML)) as server:
        answer = await _add(suite, server.url())
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "url"
    assert server.connections == 0


async def _changing(contents: list[bytes]) -> Any:
    """Answers with each content in turn, the last for ever."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        body = contents.pop(0) if len(contents) > 1 else contents[0]
        await reply(writer, 200, body, Content_Type="text/html")

    return answer


async def _refreshed(suite: Suite, server: Receiver, **headers: str) -> Any:
    return (await suite.http.post(f"{WEBSITES}/r/refresh", headers=headers)).json()


async def test_a_refresh_makes_a_version_where_the_page_says_something_new(open_suite: Suite) -> None:
    async with receiving(await _changing([b"<p>one", b"<p>one", b"<p>two"])) as server:
        await _add(open_suite, server.url(), document_id="r", metadata={"a": 1})
        await open_suite.sql('update versions set source = source || \'{"fetched_at": "2020-01-01T00:00:00Z"}\'')
        same = await _refreshed(open_suite, server)
        shown = (await open_suite.http.get(f"{WEBSITES}/r")).json()
        other = await _refreshed(open_suite, server)
    assert (same["unchanged"], same["document"]["version"]) == (True, 1)
    assert not shown["fetched_at"].startswith("2020")
    assert (other["document"]["version"], "unchanged" in other) == (2, False)
    (row,) = await open_suite.sql("select metadata from versions where number = 2")
    assert row["metadata"] == '{"a": 1}'


async def test_a_repeat_fetches_nothing(open_suite: Suite) -> None:
    async with receiving(await _changing([b"<p>one", b"<p>two"])) as server:
        headers = {"Idempotency-Key": "page"}
        body = {"url": server.url(), "document_id": "r"}
        first = await open_suite.http.post(WEBSITES, json=body, headers=headers)
        again = await open_suite.http.post(WEBSITES, json=body, headers=headers)
        assert (first.json(), len(server.requests)) == (again.json(), 1)
        twice = [await _refreshed(open_suite, server, **{"Idempotency-Key": "refresh"}) for _ in range(2)]
        assert (twice[0], len(server.requests)) == (twice[1], 2)


async def test_a_change_of_the_url_fetches_and_of_the_metadata_does_not(open_suite: Suite) -> None:
    async with receiving(replying(body=HTML, Content_Type="text/html")) as server:
        await _add(open_suite, server.url("/a"), document_id="r")
        kept = await open_suite.http.patch(f"{WEBSITES}/r", json={"metadata": {"a": 1}})
        assert (kept.json()["document"]["version"], len(server.requests)) == (2, 1)
        moved = await open_suite.http.patch(f"{WEBSITES}/r", json={"url": server.url("/b")})
    assert (moved.json()["document"]["version"], moved.json()["document"]["source"]["url"]) == (3, server.url("/b"))
    (row,) = await open_suite.sql("select metadata from versions where number = 3")
    assert row["metadata"] == '{"a": 1}'


async def test_refreshing_what_is_no_page_finds_nothing(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="r")
    assert (await suite.http.post(f"{WEBSITES}/r/refresh")).status_code == 404
