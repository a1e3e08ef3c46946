"""Previews: how a file, a text or a document would be cut; nothing of it stays."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.suite import Suite, running
from tests.ingest.bench import book

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import calls, errors
from lorekeep_gateway.blobs import Blobs

PREVIEW = "/api/v1/collections/demo/chunks:preview"
TEXT = "one. \ntwo. \nthree. "


@pytest.fixture
async def suite(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    async with running(database_url, tmp_path, max_file_size=65536, max_text_chars=1000) as started:
        await started.collection()
        yield started


async def _preview(suite: Suite, **body: Any) -> Any:
    answer = await suite.http.post(PREVIEW, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _read(suite: Suite, pages: int = 5) -> str:
    """A document that was read: its segments lie where ingest would put them."""
    collection = (await suite.http.get("/api/v1/collections/demo")).json()["id"]
    await suite.upload(document_id="book")
    await suite.index(collection, "book", "x")
    (row,) = await suite.sql("select id, organisation_id from versions")
    blobs, offset = Blobs(suite.settings.blobs_url), 0
    for page in range(pages):
        text = f"line {page}. "
        kind = document_pb2.ELEMENT_KIND_TEXT
        element = document_pb2.Element(ordinal=page, text=text, start=offset, end=offset + len(text), page=page + 1)
        element.kind = kind
        verdict = document_pb2.PageVerdict(page=page + 1, outcome="PAGE_OUTCOME_OCR", characters=len(text))
        segment = document_pb2.Segment(ordinal=page, start=offset, text=text, elements=[element], pages=[verdict])
        await blobs.keep_segment(row["organisation_id"], row["id"], segment)
        offset += len(text)
    await suite.sql("update versions set segment_count = $1, verdict = '{\"pages_read\": 5}'", pages)
    await suite.sql("""update versions set properties = '{"title": "Lines", "authors": ["B", "A"]}'""")
    return "book"


async def test_a_text_is_cut_as_the_collection_asks_and_nothing_is_kept(suite: Suite) -> None:
    shown = await _preview(suite, text=TEXT)
    assert [each["text"] for each in shown["chunks"]] == ["one. two. ", "three. "]
    first = shown["chunks"][0]
    assert (first["ordinal"], first["start"], first["end"], first["page"], first["boxes"]) == (0, 0, 10, 1, [])
    assert (shown["chunk_count"], shown["complete"], shown["verdict"]["route"]) == (2, True, "lines")
    assert (shown["warnings"], shown["properties"]["title"]) == (["odd: x"], "Lines")
    sizes = {"strategy": "by_title", "max_tokens": 256, "overlap_tokens": 50, "min_tokens": 64}
    reading = {"strategy": "auto", "languages": ["en"], "attachments": True}
    assert shown["options"] == {"model": "m", "chunking": sizes, "reading": reading}
    assert [await suite.rows(table) for table in ("documents", "versions", "jobs")] == [0, 0, 0]
    assert suite.files() == []


async def test_a_file_is_read_with_the_options_of_the_request(suite: Suite) -> None:
    chunking = {"strategy": "hierarchical", "max_tokens": 64, "overlap_tokens": 0}
    fields = {"chunking": json.dumps(chunking), "reading": '{"languages": ["de"], "strategy": "fast"}', "limit": "3"}
    answer = await suite.http.post(PREVIEW, files={"file": ("a.txt", book(9).encode())}, data=fields)
    assert (answer.status_code, answer.json()["chunk_count"], answer.json()["complete"]) == (200, 3, False)
    assert answer.json()["verdict"] is None
    (start,) = suite.servers.parser.starts
    assert (start.name, start.declared_media_type, start.size_bytes) == ("a.txt", "text/plain", len(book(9)))
    assert (start.strategy, list(start.languages)) == (parser_pb2.READ_STRATEGY_FAST, ["de"])
    assert not start.attachments
    options = start.chunk_options
    assert (options.strategy, options.max_tokens, options.prefix) == (
        parser_pb2.CHUNK_STRATEGY_HIERARCHICAL, 64, "p: ",
    )  # fmt: skip
    assert suite.files() == []


async def test_a_long_file_is_read_no_further_than_its_first_pages(suite: Suite) -> None:
    text = "\f".join("x" for _ in range(150))
    answer = await suite.http.post(PREVIEW, files={"file": ("a.txt", text.encode())}, data={"limit": "100"})
    assert (answer.json()["chunk_count"], answer.json()["complete"]) == (50, False)
    assert max(suite.servers.parser.pages) == 100


async def test_a_document_is_cut_from_what_was_read_before(suite: Suite) -> None:
    document = await _read(suite)
    shown = await _preview(suite, document=document, chunking={"max_tokens": 100}, limit=2)
    assert [each["text"] for each in shown["chunks"]] == ["line 0. line 1. ", "line 2. line 3. "]
    assert (shown["complete"], shown["verdict"], shown["options"]["reading"]) == (False, {"pages_read": 5}, None)
    assert shown["properties"]["authors"] == ["B", "A"]
    whole = await _preview(suite, document=document)
    assert (whole["chunk_count"], whole["complete"]) == (3, True)
    assert whole["options"]["chunking"]["overlap_tokens"] == 0
    assert [each.max_tokens for each in suite.servers.parser.options] == [100, 256]
    assert suite.servers.parser.starts == []


async def test_meaning_is_asked_of_the_embedder_in_the_lane_of_people(suite: Suite) -> None:
    shown = await _preview(suite, text=TEXT, chunking={"strategy": "semantic"})
    assert shown["complete"]
    again = await _preview(suite, document=await _read(suite), chunking={"strategy": "semantic"})
    assert again["complete"]
    assert [(len(each.vectors), each.dimensions) for each in suite.servers.parser.vectors] == [(32, 4), (16, 4)]
    assert suite.servers.embedder.lanes == [calls.Lane.INTERACTIVE] * 2


async def test_a_document_that_was_not_read_yet_says_so(suite: Suite) -> None:
    await suite.upload(document_id="a")
    answer = await suite.http.post(PREVIEW, json={"document": "a"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "document_not_read")
    unknown = await suite.http.post(PREVIEW, json={"document": "b"})
    assert (unknown.status_code, unknown.json()["error"]["reason"]) == (404, "document_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": "x", "document": "y"}, "text"),
        ({"text": " "}, "text"),
        ({"text": "x" * 1001}, "text"),
        ({"text": "x", "limit": 0}, "limit"),
        ({"text": "x", "limit": 101}, "limit"),
        ({"text": "x", "chunking": {"max_tokens": 257}}, "chunking.max_tokens"),
        ({"text": "x", "chunking": {"max_tokens": 20, "overlap_tokens": 10}}, "chunking.overlap_tokens"),
        ({"text": "x", "reading": {"strategy": "x"}}, "reading.strategy"),
        ({"text": "x", "size": 1}, "size"),
    ],
)
async def test_a_bad_preview_names_its_field(suite: Suite, body: dict[str, Any], field: str) -> None:
    answer = await suite.http.post(PREVIEW, json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert suite.servers.parser.starts == []


@pytest.mark.parametrize(
    ("form", "status", "field"),
    [
        ({"files": {"limit": (None, "3")}}, 422, "file"),
        ({"files": {"file": ("a.txt", b"x"), "other": (None, "1")}}, 422, "other"),
        ({"files": {"file": ("a.txt", b"x"), "limit": (None, "x")}}, 422, "limit"),
        ({"files": {"file": ("a.txt", b"x"), "chunking": (None, '{"max_tokens": 9}')}}, 422, "chunking.max_tokens"),
        ({"files": [("file", ("a", b"x")), ("file", ("b", b"y"))]}, 422, "file"),
        ({"files": {"file": ("a.txt", b"x" * 65_537)}}, 413, "file"),
    ],
)
async def test_a_bad_form_names_its_field(suite: Suite, form: dict[str, Any], status: int, field: str) -> None:
    answer = await suite.http.post(PREVIEW, **form)
    assert (answer.status_code, answer.json()["error"]["field"]) == (status, field)


async def test_what_the_parser_refuses_is_told_as_it_says(suite: Suite) -> None:
    answer = await suite.http.post(PREVIEW, files={"file": ("a.txt", b"ENCRYPTED")})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (400, "encrypted")
    program = await suite.http.post(PREVIEW, files={"file": ("a.pdf", b"MZ" + bytes(100))})
    assert program.status_code == 415
    suite.servers.embedder.failure = errors.Unavailable("Away.")
    assert (await suite.http.post(PREVIEW, json={"text": "x"})).status_code == 503


async def test_pages_are_listed_with_what_became_of_them(suite: Suite) -> None:
    path = "/api/v1/collections/demo/documents/book"
    await _read(suite)
    for limit in (1, 2, 5, 50):
        pages: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            answer = (await suite.http.get(f"{path}/pages", params={"limit": limit, **cursor})).json()
            assert len(answer["pages"]) <= limit
            pages += answer["pages"]
            if answer["next_cursor"] is None:
                break
            cursor = {"cursor": answer["next_cursor"]}
        assert pages == [{"page": page, "outcome": "ocr", "characters": 8} for page in range(1, 6)]
    bad = await suite.http.get(f"{path}/pages", params={"cursor": "!"})
    assert (bad.status_code, bad.json()["error"]["field"]) == (422, "cursor")
    shown = (await suite.http.get(path)).json()["properties"]
    assert shown == {
        "title": "Lines", "authors": ["B", "A"], "created_at": None, "modified_at": None, "subject": None,
        "keywords": [],
    }  # fmt: skip
    await suite.upload(document_id="new")
    assert (await suite.http.get(f"{path[:-4]}new/pages")).json() == {"pages": [], "next_cursor": None}
    assert (await suite.http.get(f"{path[:-4]}new")).json()["properties"] is None
