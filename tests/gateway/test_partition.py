"""The partition route as its callers meet it: the element JSON, the parameters, the refusals. A fake parser reads."""

import asyncio
import base64
import csv
import io
import json
import zlib
from typing import Any

import httpx
import pytest
from tests.gateway.reader import element, placed
from tests.gateway.suite import Suite

from lorekeep.document.v1.document_pb2 import BoundingBox, Chunk, ElementKind
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.organisations import Grant

PATH = "/general/v0/general"
FILE = ("files", ("notes.txt", b"Some notes.", "text/plain"))


def report(suite: Suite) -> None:
    """A report of two pages."""
    suite.servers.parser.elements = placed(
        element("HEADING", "Report", page=1, level=1),
        element("TEXT", "Sales rose by a third last year.", page=1, boxes=[BoundingBox(page=1, left=0.25, right=0.5)]),
        element("HEADING", "Details", page=1, level=2),
        element("LIST_ITEM", "First", page=1),
        element("PAGE_HEADER", "ACME", page=1),
        element("TABLE", "a\tb\n1\t<2>", page=2, html="<table><thead><tr><th>a</th><th>b</th></tr></thead></table>"),
        element("PAGE_FOOTER", "2", page=2),
    )


async def sent(suite: Suite, *files: Any, **fields: Any) -> httpx.Response:
    return await suite.http.post(PATH, files=list(files) or [FILE], data=fields)


async def test_elements_are_told_in_that_apis_words(suite: Suite) -> None:
    report(suite)
    answer = await sent(suite, ("files", ("a/b/report.txt", b"x", "text/plain")))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [each["type"] for each in found] == [
        "Header", "Title", "NarrativeText", "Title", "ListItem", "Table", "Footer",
    ]  # fmt: skip
    _, title, prose, details, item, table, _ = found
    assert title["metadata"] == {
        "filename": "report.txt",
        "filetype": "text/plain",
        "languages": ["eng"],
        "page_number": 1,
        "category_depth": 0,
    }
    assert prose["metadata"]["parent_id"] == title["element_id"]
    assert (details["metadata"]["parent_id"], details["metadata"]["category_depth"]) == (title["element_id"], 1)
    assert item["metadata"]["parent_id"] == details["element_id"]
    assert table["metadata"]["text_as_html"] == (
        "<table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>&lt;2&gt;</td></tr></table>"
    )
    assert table["metadata"]["page_number"] == 2
    assert len({each["element_id"] for each in found}) == len(found)
    assert (await sent(suite, ("files", ("report.txt", b"x", "text/plain")))).json() == found


async def test_nothing_is_kept_and_the_caller_is_named_to_the_parser(suite: Suite) -> None:
    report(suite)
    assert (await sent(suite)).status_code == 200
    assert suite.files() == []
    assert await suite.rows("documents") == 0
    (start,), (content,) = suite.servers.parser.starts, suite.servers.parser.contents
    assert (start.name, start.size_bytes, content) == ("notes.txt", 11, b"Some notes.")
    assert not start.HasField("chunk_options")
    assert not start.attachments
    organisations = await suite.sql("select id from organisations")
    assert suite.servers.parser.organisations == [organisations[0][0]]


async def test_several_files_are_answered_by_a_list_of_lists(suite: Suite) -> None:
    report(suite)
    answer = await sent(suite, FILE, ("files[]", ("other.txt", b"more", "text/plain")))
    assert [each[0]["metadata"]["filename"] for each in answer.json()] == ["notes.txt", "other.txt"]


async def test_a_document_without_text_has_no_elements(suite: Suite) -> None:
    suite.servers.parser.failures = [errors.InvalidInput("No text was found.", reason="empty_text")]
    answer = await sent(suite)
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["X-Lorekeep-Warnings"].startswith("empty_text: ")


async def test_parameters_reach_the_parser_and_the_answer(suite: Suite) -> None:
    report(suite)
    fields = {
        "strategy": "ocr_only",
        "languages[]": ["eng", "deu"],
        "coordinates": "true",
        "include_page_breaks": "true",
        "starting_page_number": "11",
        "skip_infer_table_types": '["txt"]',
    }
    found = (await sent(suite, **fields)).json()
    (start,) = suite.servers.parser.starts
    assert start.strategy == parser_pb2.READ_STRATEGY_OCR_ONLY
    assert list(start.languages) == ["eng", "deu"]
    told = {each["type"]: each["metadata"] for each in found}
    assert told["NarrativeText"]["coordinates"] == {
        "points": [[0.25, 0], [0.25, 0], [0.5, 0], [0.5, 0]],
        "system": "PixelSpace",
        "layout_width": 1,
        "layout_height": 1,
    }
    assert [each["type"] for each in found][-3:] == ["PageBreak", "Table", "Footer"]
    assert told["Table"]["page_number"] == 12
    assert "text_as_html" not in told["Table"]


async def test_ids_can_be_unique(suite: Suite) -> None:
    report(suite)
    first, second = [(await sent(suite, unique_element_ids="true")).json() for _ in range(2)]
    assert not {each["element_id"] for each in first} & {each["element_id"] for each in second}
    assert first[2]["metadata"]["parent_id"] == first[1]["element_id"]


async def test_chunks_carry_the_elements_they_were_made_of(suite: Suite) -> None:
    report(suite)
    elements = suite.servers.parser.elements
    text = "\n\n".join(each.text for each in elements[:2])
    suite.servers.parser.chunks = [
        Chunk(ordinal=0, text=text, start=0, end=len(text), page=1, kind=ElementKind.ELEMENT_KIND_TEXT),
        Chunk(text="1\t2", context="a\tb", start=elements[5].start + 4, end=elements[5].end, page=2, kind=4),
    ]
    fields = {"chunking_strategy": "by_title", "max_characters": "300", "new_after_n_chars": "200", "overlap": "20"}
    composite, table = (await sent(suite, **fields)).json()
    options = suite.servers.parser.starts[0].chunk_options
    assert (options.unit, options.strategy) == (parser_pb2.CHUNK_UNIT_CHARACTERS, parser_pb2.CHUNK_STRATEGY_BY_TITLE)
    assert (options.max_tokens, options.min_tokens, options.overlap_tokens) == (200, 200, 20)
    assert (composite["type"], composite["text"]) == ("CompositeElement", text)
    assert (table["type"], table["text"]) == ("Table", "a\tb\n1\t2")
    packed = base64.b64decode(composite["metadata"]["orig_elements"])
    assert [each["type"] for each in json.loads(zlib.decompress(packed))] == ["Title", "NarrativeText"]
    plain = (await sent(suite, **fields, include_orig_elements="false")).json()
    assert "orig_elements" not in plain[0]["metadata"]


async def test_a_table_is_offered_as_csv(suite: Suite) -> None:
    report(suite)
    answer = await sent(suite, output_format="text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["type"] for row in rows][:2] == ["Header", "Title"]
    assert rows[-2]["text"] == "a\tb\n1\t<2>"
    assert rows[-2]["languages"] == "eng"


REFUSED = {
    "a parameter that is not served": {"hi_res_model_name": "yolox"},
    "a value that is not served": {"xml_keep_tags": "true"},
    "a parameter that is unknown": {"chunk_strategy": "by_title"},
    "a strategy that there is not": {"strategy": "vlm"},
    "a chunking that there is not": {"chunking_strategy": "by_similarity"},
    "a number that is none": {"max_characters": "many"},
    "a language that is none": {"languages": "../eng"},
    "a page before the first": {"starting_page_number": "0"},
}


@pytest.mark.parametrize("what", REFUSED)
async def test_it_names_what_is_refused(suite: Suite, what: str) -> None:
    (name,) = REFUSED[what]
    answer = await sent(suite, **REFUSED[what])
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == name
    assert name in answer.json()["detail"]
    assert suite.servers.parser.starts == []
    assert suite.files() == []


async def test_overlap_must_fit(suite: Suite) -> None:
    fields = {"chunking_strategy": "basic", "max_characters": "100", "overlap": "50"}
    answer = await sent(suite, **fields)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "overlap")


async def test_what_asks_for_nothing_is_taken(suite: Suite) -> None:
    fields = {
        "xml_keep_tags": "false",
        "hi_res_model_name": "",
        "languages": "",
        "encoding": "UTF-8",
        "extract_image_block_types": "[]",
        "split_pdf_concurrency_level": "5",
        "split_pdf_page_range[]": ["1", "2"],
        "max_characters": "",
        "ocr_languages": "auto",
    }
    assert (await sent(suite, **fields)).status_code == 200
    assert list(suite.servers.parser.starts[0].languages) == []


async def test_hi_res_is_read_as_auto_where_it_is_not_installed(suite: Suite) -> None:
    report(suite)
    suite.servers.parser.failures = [errors.InvalidInput("No weights.", reason="strategy_unavailable")]
    answer = await sent(suite, strategy="hi_res")
    assert answer.status_code == 200
    assert answer.headers["X-Lorekeep-Warnings"] == "strategy_unavailable: No weights."
    strategies = [each.strategy for each in suite.servers.parser.starts]
    assert strategies == [parser_pb2.READ_STRATEGY_HI_RES, parser_pb2.READ_STRATEGY_AUTO]


OF_THE_DOCUMENT = {
    "encrypted": (errors.InvalidInput("It is encrypted.", reason="encrypted"), 422),
    "unread": (errors.UnsupportedMedia("It is of no kind."), 415),
    "too large": (errors.TooLarge("It unpacks to too much.", reason="too_large_unpacked"), 413),
    "too slow": (errors.DeadlineExceeded("It takes too long.", reason="parse_timeout"), 422),
}


@pytest.mark.parametrize("what", OF_THE_DOCUMENT)
async def test_what_is_wrong_with_a_document_is_not_asked_again(suite: Suite, what: str) -> None:
    error, status = OF_THE_DOCUMENT[what]
    suite.servers.parser.failures = [error]
    answer = await sent(suite)
    assert answer.status_code == status
    assert answer.json()["detail"] == error.message
    assert answer.json()["error"]["reason"] == error.reason
    assert suite.files() == []


async def test_a_place_in_the_parser_is_waited_for(suite: Suite) -> None:
    report(suite)
    suite.servers.parser.failures = [errors.Overloaded("Full.", retry_after_seconds=0.1)] * 2
    assert (await sent(suite)).status_code == 200
    assert len(suite.servers.parser.starts) == 3


async def test_a_parser_that_breaks_off_is_told_as_such(suite: Suite) -> None:
    suite.servers.parser.breaks_off = True
    answer = await sent(suite)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "parser_broke_off")


async def test_files_are_refused_as_uploads_are(suite: Suite) -> None:
    for files, status, reason in (
        ([("files", ("a.txt", b"", "text/plain"))], 422, "empty_file"),
        ([("files", ("a.bin", b"\x00\x01\x02" * 99, "text/plain"))], 415, "unsupported_media"),
        ([("files", ("a.txt", b"x" * 70_000, "text/plain"))], 413, "too_large"),
        ([("other", ("a.txt", b"x", "text/plain"))], 422, "missing_field"),
    ):
        answer = await sent(suite, *files)
        assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)
        assert answer.json()["detail"]
    assert (await suite.http.post(PATH, json={})).status_code == 415
    assert suite.files() == []


async def test_the_key_may_come_in_that_apis_header(suite: Suite) -> None:
    report(suite)
    searcher = await suite.key_for("main", Grant("test", scopes=("search",)))
    async with suite.caller(None) as http:
        for key, status in ((suite.key, 200), ("", 401), ("kb_wrong", 401), (searcher, 403)):
            answer = await http.post(PATH, files=[FILE], headers={"unstructured-api-key": key})
            assert answer.status_code == status, answer.text
            assert status == 200 or answer.json()["detail"]
        elsewhere = await http.get("/api/v1/collections", headers={"unstructured-api-key": suite.key})
        assert elsewhere.status_code == 401
    both = await suite.http.post(PATH, files=[FILE], headers={"unstructured-api-key": searcher})
    assert both.status_code == 401


async def test_nothing_is_read_for_a_caller_who_has_left(suite: Suite) -> None:
    suite.servers.parser.open.clear()
    async with suite.caller(suite.key) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(PATH, files=[FILE], timeout=0.5)
    async with asyncio.timeout(20):
        await suite.servers.parser.left.wait()
    assert suite.servers.parser.contents == []


async def test_many_at_once_are_all_read(suite: Suite) -> None:
    report(suite)
    answers = await asyncio.gather(*[sent(suite) for _ in range(20)])
    assert {each.status_code for each in answers} == {200}
