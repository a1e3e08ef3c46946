"""A queue that is full refuses before bytes are taken; others' queues and what waits no longer do not count."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.gateway.suite import Suite, running

from lorekeep_chassis import errors
from lorekeep_gateway.queue_bound import QueueBound

DOCUMENTS = "/api/v1/collections/demo/documents"


@pytest.fixture
async def narrow(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    """A gateway whose queues hold three jobs."""
    async with running(database_url, tmp_path, queue_limit_jobs=3) as started:
        yield started


async def test_a_full_queue_answers_before_a_byte_is_read(narrow: Suite, subtests: pytest.Subtests) -> None:
    await narrow.collection()
    begun = (await narrow.http.post("/api/v1/collections/demo/uploads", json={"name": "a", "size_bytes": 1})).json()
    for number in range(3):
        await narrow.upload(text=str(number))
    for path in ("documents", "files", "texts", "qnas", "websites", "uploads"):
        with subtests.test(path):
            answer = await narrow.http.post(f"/api/v1/collections/demo/{path}", json={"url": "http://x.org"})
            assert (answer.status_code, answer.json()["error"]["reason"]) == (429, "queue_full")
            assert int(answer.headers["retry-after"]) >= 1
    assert await _refused_unread(narrow) == b"HTTP/1.1 429 Too Many Requests"
    assert await narrow.rows("documents") == 3
    assert len(narrow.files()) == 3
    completing = await narrow.http.post(f"/api/v1/collections/demo/uploads/{begun['upload']['id']}/complete")
    assert completing.status_code == 429


async def test_a_batch_is_taken_as_far_as_there_is_room(narrow: Suite) -> None:
    await narrow.collection()
    documents = [{"text": f"text {number}"} for number in range(5)]
    answer = await narrow.http.post(f"{DOCUMENTS}:batch", json={"documents": documents})
    reasons = [each.get("error", {}).get("reason") for each in answer.json()["results"]]
    assert reasons == [None, None, None, "queue_full", "queue_full"]
    assert await narrow.rows("jobs") == await narrow.rows("documents") == len(narrow.files()) == 3


async def test_an_organisation_waits_for_itself_alone(narrow: Suite) -> None:
    await narrow.collection()
    for number in range(3):
        await narrow.upload(text=str(number))
    async with narrow.caller(await narrow.key_for("other")) as other:
        await other.post("/api/v1/collections", json={"name": "demo"})
        assert (await other.post(DOCUMENTS, json={"text": "theirs"})).status_code == 202


async def test_what_is_unchanged_takes_no_place(narrow: Suite) -> None:
    await narrow.collection()
    for _ in range(5):
        await narrow.upload(document_id="a", text="one")
    assert await narrow.rows("jobs") == 1


async def test_counts_are_forgotten_when_jobs_end(narrow: Suite) -> None:
    await narrow.collection()
    for number in range(3):
        await narrow.upload(text=str(number))
    (row,) = await narrow.sql("select id from organisations")
    bound = QueueBound(narrow.database, 3)
    with pytest.raises(errors.LimitExceeded):
        await bound.check(row["id"])
    await narrow.sql("update jobs set status = 'succeeded'")
    with pytest.raises(errors.LimitExceeded):
        await bound.check(row["id"])  # a second old at most
    fresh = QueueBound(narrow.database, 3)
    await fresh.check(row["id"])
    for _ in range(3):
        fresh.take(row["id"])
    with pytest.raises(errors.LimitExceeded):
        fresh.take(row["id"])


async def _refused_unread(suite: Suite) -> bytes:
    """The first line that answers a caller who sends no body before it is asked to go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(suite.base_url.rpartition(":")[2]))
    head = f"POST {DOCUMENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {suite.key}\r\n"
    body = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 60000\r\nExpect: 100-continue\r\n\r\n"
    writer.write((head + body).encode())
    try:
        return (await reader.readline()).strip()
    finally:
        writer.close()
