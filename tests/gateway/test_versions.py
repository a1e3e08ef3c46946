"""A document's versions as they are listed and restored, rebuilds of a collection, and bytes that were damaged."""

from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from tests.gateway.suite import Suite, running

DOCUMENTS = "/api/v1/collections/demo/documents"


async def _versions(suite: Suite, count: int, document: str = "a/b") -> str:
    """A document of which as many versions were shown; gives its collection's id."""
    collection = await suite.collection()
    for number in range(1, count + 1):
        await suite.upload(document_id=document, text=f"text {number}", metadata={"n": number})
        await suite.index(collection["id"], document, f"text {number}")
        await suite.sql("update versions set ready_at = now(), segment_count = 1 where number = $1", number)
        await suite.sql("update versions set status = 'superseded' where number < $1", number)
    return str(collection["id"])


async def test_versions_are_listed_newest_first(suite: Suite) -> None:
    await _versions(suite, 3)
    await suite.upload(document_id="a/b", text="under way")
    answer = await suite.http.get(f"{DOCUMENTS}/a/b/versions")
    listed = answer.json()["versions"]
    assert [each["number"] for each in listed] == [4, 3, 2, 1]
    assert [each["visible"] for each in listed] == [False, True, False, False]
    assert [each["restorable"] for each in listed] == [False, False, True, True]
    assert (listed[3]["metadata"], listed[3]["size_bytes"], listed[3]["status"]) == ({"n": 1}, 6, "superseded")
    assert len(listed[3]["sha256"]) == 64
    await suite.sql("update versions set status = 'failed' where number = 4")
    await suite.sql("update versions set outdated = true where number = 1")
    listed = (await suite.http.get(f"{DOCUMENTS}/a/b/versions")).json()["versions"]
    assert [(each["number"], each["status"]) for each in listed] == [(4, "failed"), (3, "ready"), (2, "superseded")]
    await suite.upload(document_id="a/b", text="newer")
    listed = (await suite.http.get(f"{DOCUMENTS}/a/b/versions")).json()["versions"]
    assert [each["number"] for each in listed] == [5, 3, 2]
    missing = await suite.http.get(f"{DOCUMENTS}/nothing/versions")
    assert (missing.status_code, missing.json()["error"]["reason"]) == (404, "document_not_found")


async def test_a_version_is_restored_once_for_a_key(suite: Suite) -> None:
    await _versions(suite, 2)
    path, headers = f"{DOCUMENTS}/a/b/versions/1/restore", {"Idempotency-Key": "k"}
    answers = [await suite.http.post(path, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [202, 202], answers[0].text
    assert answers[0].json() == answers[1].json()
    document, job = answers[0].json()["document"], answers[0].json()["job"]
    assert document == {"id": "a/b", "status": "ready", "name": "a/b", "version": 3}
    assert answers[0].headers["Location"] == job["status_url"]
    shown = (await suite.http.get(job["status_url"])).json()
    assert (shown["status"], shown["version"], shown["document_id"]) == ("queued", 3, "a/b")
    other = await suite.http.post(f"{DOCUMENTS}/a/b/versions/2/restore", headers=headers)
    assert (other.status_code, other.json()["error"]["reason"]) == (409, "idempotency_key_reused")
    listed = (await suite.http.get(f"{DOCUMENTS}/a/b/versions")).json()["versions"]
    assert (listed[0]["number"], listed[0]["restored_from"], listed[0]["status"]) == (3, 1, "pending")


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        (2, 409, "version_not_restorable"),
        (1, 409, "version_not_restorable"),
        (7, 404, "version_not_found"),
        (0, 422, "invalid_field"),
    ],
)
async def test_what_cannot_be_restored_is_told(suite: Suite, number: int, status: int, reason: str) -> None:
    await _versions(suite, 2)
    await suite.sql("update versions set pruned_at = now() where number = 1")
    answer = await suite.http.post(f"{DOCUMENTS}/a/b/versions/{number}/restore")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)
    assert await suite.rows("versions") == 2


@pytest.mark.parametrize("given", ["x/versions", "x/versions/1/restore", "a/x/versions"])
async def test_ids_that_would_name_versions_are_refused(suite: Suite, given: str) -> None:
    await suite.collection()
    refused = await suite.http.post(DOCUMENTS, json={"text": "t", "document_id": given})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "document_id")
    await suite.upload(document_id="versions/1/restored")


async def test_a_collection_is_rebuilt_once_at_a_time(suite: Suite) -> None:
    await _versions(suite, 1)
    answers = [await suite.http.post("/api/v1/collections/demo/reindex") for _ in range(2)]
    assert [(each.status_code, each.json()) for each in answers] == [(202, {"queued": 1}), (202, {"queued": 0})]
    rows = await suite.sql("select kind, queue, lane from jobs where status = 'queued'")
    assert [tuple(row) for row in rows] == [("rebuild", "reindex", "bulk")]


async def test_damaged_bytes_are_never_given_whole(suite: Suite) -> None:
    before = REGISTRY.get_sample_value("blobs_corrupt_total") or 0
    await suite.collection()
    for document, size in (("small", 10), ("large", 60_000)):
        await suite.http.post(
            DOCUMENTS, files={"file": ("a.txt", b"x" * size, "text/plain")}, data={"document_id": document}
        )
    assert (await suite.http.get(f"{DOCUMENTS}/small/content")).content == b"x" * 10
    for path in suite.files():
        path.write_bytes(b"y" + path.read_bytes()[1:])
    for document in ("small", "large"):
        answer = await suite.http.get(f"{DOCUMENTS}/{document}/content")
        assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "blob_corrupt")
    for path in suite.files():
        path.write_bytes(path.read_bytes() + b"z")
    answer = await suite.http.get(f"{DOCUMENTS}/small/content")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "blob_corrupt")
    assert REGISTRY.get_sample_value("blobs_corrupt_total") == before + 3


async def test_a_damaged_blob_breaks_a_transfer_that_began(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as suite:
        await suite.collection()
        content = b"".join(b"line %d\n" % number for number in range(300_000))
        await suite.http.post(
            DOCUMENTS, files={"file": ("a.txt", content, "text/plain")}, data={"document_id": "large"}
        )
        assert (await suite.http.get(f"{DOCUMENTS}/large/content")).content == content
        (path,) = suite.files()
        path.write_bytes(content[:-1] + b"!")
        with pytest.raises(httpx.RemoteProtocolError):
            await suite.http.get(f"{DOCUMENTS}/large/content")
