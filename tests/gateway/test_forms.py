"""Forms on the wire: odd orders, truncations, pieces of every size; little is held and nothing is left behind."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from tests.gateway.suite import Suite

from lorekeep_chassis import errors
from lorekeep_gateway.http.multipart import Form

DOCUMENTS = "/api/v1/collections/demo/documents"
TYPE = {"Content-Type": "multipart/form-data; boundary=XX"}


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    return b"--XX\r\n" + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"


END = b"--XX--\r\n"
FILE = part("file", b"some text", "a.txt")


async def pieces_of(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_fields_may_stand_before_or_behind_the_file(suite: Suite) -> None:
    await suite.collection()
    fields = part("metadata", b'{"a": 1}') + part("document_id", b"mine")
    for order in (fields + FILE, FILE + fields, part("metadata", b'{"a": 1}') + FILE + part("document_id", b"mine")):
        answer = await suite.http.post(DOCUMENTS, content=order + END, headers=TYPE)
        assert answer.status_code == 202, answer.text
        assert answer.json()["document"]["id"] == "mine"
    assert (await suite.http.get(f"{DOCUMENTS}/mine")).json()["metadata"] == {"a": 1}


BROKEN = {
    "no closing boundary": (FILE, 400, "invalid_form"),
    "cut in the file": (FILE[:60], 400, "invalid_form"),
    "no file": (part("metadata", b"{}") + END, 422, "missing_field"),
    "two files": (FILE + FILE + END, 422, "too_many_files"),
    "unknown field": (FILE + part("metdata", b"{}") + END, 422, "invalid_field"),
    "field twice": (FILE + part("metadata", b"{}") + part("metadata", b"{}") + END, 422, "invalid_field"),
    "long field": (FILE + part("metadata", b" " * 70000) + END, 422, "invalid_field"),
    "no name": (b"--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, 400, "invalid_form"),
    "garbage": (b"nonsense", 400, "invalid_form"),
    "nothing": (b"", 400, "invalid_form"),
}


async def test_a_broken_form_is_refused_and_leaves_nothing(suite: Suite, subtests: pytest.Subtests) -> None:
    await suite.collection()
    for name, (body, status, reason) in BROKEN.items():
        with subtests.test(name):
            answer = await suite.http.post(DOCUMENTS, content=body, headers=TYPE)
            assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)
            assert suite.files() == []
    assert await suite.rows("documents") == 0


async def test_a_form_without_a_boundary_and_a_body_of_another_type_are_refused(suite: Suite) -> None:
    await suite.collection()
    answer = await suite.http.post(DOCUMENTS, content=FILE, headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (400, "invalid_form")
    answer = await suite.http.post(DOCUMENTS, content=b"text", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (415, "unsupported_body")
    answer = await suite.http.post(DOCUMENTS, content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (400, "invalid_json")


async def test_a_caller_that_hangs_up_leaves_nothing(suite: Suite) -> None:
    await suite.collection()
    host, port = suite.base_url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {DOCUMENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {suite.key}\r\n"
    writer.write(f"{head}Content-Type: {TYPE['Content-Type']}\r\nContent-Length: 60000\r\n\r\n".encode())
    writer.write(part("file", b"x" * 30000, "a.txt"))
    await writer.drain()
    async with asyncio.timeout(10):
        while not REGISTRY.get_sample_value("http_requests_in_flight"):  # noqa: ASYNC110 - a plain gauge
            await asyncio.sleep(0.02)
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(10):
        while REGISTRY.get_sample_value("http_requests_in_flight"):  # noqa: ASYNC110 - a plain gauge
            await asyncio.sleep(0.02)
    assert suite.files() == []
    assert await suite.rows("documents") == 0
    assert (await suite.upload())["document"]["status"] == "pending"


async def test_a_body_that_grows_too_large_is_refused_while_it_streams(suite: Suite) -> None:
    await suite.collection()

    async def endless() -> AsyncIterator[bytes]:
        yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(64):
            yield b"x" * 65536

    answer = await suite.http.post(DOCUMENTS, content=endless(), headers=TYPE)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "too_large")
    assert suite.files() == []


async def test_a_body_that_says_it_is_too_large_is_refused_at_once(suite: Suite) -> None:
    await suite.collection()
    answer = await suite.http.post(DOCUMENTS, content=b"x" * (2 * 1024 * 1024), headers=TYPE)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "too_large")
    answer = await suite.http.post("/api/v1/collections", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), size=st.integers(1, 64), before=st.booleans())
async def test_pieces_of_any_size_give_the_same_form(content: bytes, size: int, before: bool) -> None:
    field, file = part("metadata", b"{}"), part("file", content, "a.bin")
    form = Form(TYPE["Content-Type"], pieces_of((field + file if before else file + field) + END, size))
    found = {}
    while head := await form.next_part():
        found[head.name] = b"".join([each async for each in form.pieces()])
    assert found == {"metadata": b"{}", "file": content}


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(FILE + END) - 5))
async def test_a_form_cut_anywhere_is_refused(cut: int) -> None:
    form = Form(TYPE["Content-Type"], pieces_of((FILE + END)[:cut], 7))
    with pytest.raises(errors.InvalidInput):
        while await form.next_part():
            async for _ in form.pieces():
                pass


async def test_a_large_file_is_held_in_small_pieces() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(512):
            yield bytes(65536)
        yield b"\r\n" + END

    form, size = Form(TYPE["Content-Type"], body()), 0
    tracemalloc.start()
    try:
        await form.next_part()
        async for piece in form.pieces():
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 512 * 65536
    assert peak < 4 * 1024 * 1024


async def test_a_caller_may_send_slowly_and_still_sees_the_refusal(suite: Suite) -> None:
    """The answer to a refused body is not lost to a reset, even when the caller sends all before it reads."""
    async with httpx.AsyncClient(base_url=suite.base_url, timeout=20) as http:
        answer = await http.post(DOCUMENTS, content=pieces_of(b"x" * 3_000_000, 65536), headers=TYPE)
    assert answer.status_code == 401
