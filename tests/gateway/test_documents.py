"""Collections, documents and jobs as they are listed, shown and changed."""

import asyncio
from typing import Any

from tests.gateway.suite import Suite

COLLECTIONS = "/api/v1/collections"
DOCUMENTS = "/api/v1/collections/demo/documents"


async def _all(suite: Suite, path: str, noun: str, limit: int, **query: str) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await suite.http.get(path, params={"limit": limit, **query, **cursor})
        assert answer.status_code == 200, answer.text
        found += answer.json()[noun]
        if answer.json()["next_cursor"] is None:
            return found
        assert len(answer.json()[noun]) == limit
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_collections_are_made_listed_and_shown_by_name_or_id(suite: Suite) -> None:
    made = [await suite.collection(f"c{number}", lang="string") for number in range(5)]
    for limit in (1, 2, 5, 100):
        assert [each["id"] for each in await _all(suite, COLLECTIONS, "collections", limit)] == [e["id"] for e in made]
    for reference in ("c3", made[3]["id"]):
        assert (await suite.http.get(f"{COLLECTIONS}/{reference}")).json() == made[3]
    assert made[0]["metadata_schema"] == {"lang": "string"}


async def test_a_bad_collection_names_its_field(suite: Suite) -> None:
    await suite.collection()
    for name in ("", "Upper", "-x", "col_x", "a" * 64, "a b", 7, None):
        answer = await suite.http.post(COLLECTIONS, json={"name": name})
        assert (answer.status_code, answer.json()["error"]["field"]) == (422, "name")
    for schema in ({"year": "whole"}, {"a b": "string"}, {"": "string"}, {"x": 1}):
        answer = await suite.http.post(COLLECTIONS, json={"name": "x", "metadata_schema": schema})
        assert answer.status_code == 422
        assert answer.json()["error"]["field"].startswith("metadata_schema")
    taken = await suite.http.post(COLLECTIONS, json={"name": "demo"})
    assert (taken.status_code, taken.json()["error"]["reason"]) == (409, "already_exists")


async def test_fields_are_added_and_keep_their_type(suite: Suite) -> None:
    collection = await suite.collection(lang="string")
    changed = await suite.http.patch(
        f"{COLLECTIONS}/demo", json={"name": "renamed", "metadata_schema": {"year": "integer"}}
    )
    assert changed.json()["name"] == "renamed"
    assert changed.json()["metadata_schema"] == {"lang": "string", "year": "integer"}
    assert suite.search.asked == []
    refused = await suite.http.patch(f"{COLLECTIONS}/renamed", json={"metadata_schema": {"lang": "integer"}})
    assert (refused.status_code, refused.json()["error"]["reason"]) == (409, "field_declared")
    await suite.upload("renamed", document_id="a")
    await suite.index(collection["id"], "a", "text")
    await suite.http.patch(f"{COLLECTIONS}/renamed", json={"metadata_schema": {"new": "boolean"}})
    assert [each.name for each in suite.search.asked[-1].fields] == ["lang", "year", "new"]


async def test_documents_are_paged_newest_first_and_filtered_by_status(suite: Suite) -> None:
    await suite.collection()
    for number in range(5):
        await suite.upload(document_id=str(number), text=str(number))
        await asyncio.sleep(0.002)
    await suite.sql("update documents set status = 'ready' where public_id in ('1', '3')")
    for limit in (1, 2, 3, 100):
        listed = await _all(suite, DOCUMENTS, "documents", limit)
        assert [each["id"] for each in listed] == ["4", "3", "2", "1", "0"]
        ready = await _all(suite, DOCUMENTS, "documents", limit, status="ready")
        assert [each["id"] for each in ready] == ["3", "1"]


async def test_a_bad_page_names_its_field(suite: Suite) -> None:
    await suite.collection()
    bad = [("limit", "0"), ("limit", "101"), ("limit", "x"), ("status", "deleting"), ("cursor", "!"), ("cursor", "")]
    for field, value in bad:
        answer = await suite.http.get(DOCUMENTS, params={field: value})
        assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


async def test_chunks_are_paged_in_order(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="a")
    assert (await suite.http.get(f"{DOCUMENTS}/a/chunks")).json() == {"chunks": [], "next_cursor": None}
    await suite.index(collection["id"], "a", "one", "two", "three")
    for limit in (2, 50):
        chunks = await _all(suite, f"{DOCUMENTS}/a/chunks", "chunks", limit)
        assert [each["text"] for each in chunks] == ["one", "two", "three"]
        assert (chunks[0]["kind"], chunks[0]["page"], chunks[0]["heading_path"]) == ("text", 1, ["Top"])


async def test_content_is_given_as_an_attachment_that_nothing_renders(suite: Suite) -> None:
    await suite.collection()
    page = b"<script>alert(1)</script> \xc3\xa9"
    name = 'a"b\r\nX: y é.html'
    await suite.http.post(DOCUMENTS, files={"file": (name, page)}, data={"document_id": "x"})
    answer = await suite.http.get(f"{DOCUMENTS}/x/content")
    assert answer.content == page
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "\r" not in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "x" not in answer.headers


async def test_content_whose_bytes_are_gone_is_not_found(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="x")
    for each in suite.files():
        each.unlink()
    answer = await suite.http.get(f"{DOCUMENTS}/x/content")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "blob_missing")


async def test_a_waiting_job_is_cancelled_at_once(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload(document_id="x"))["job"]["status_url"]
    answer = await suite.http.post(f"{job}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    shown = (await suite.http.get(f"{DOCUMENTS}/x")).json()
    assert (shown["status"], shown["error"]["reason"]) == ("failed", "cancelled")
    assert (await suite.http.post(f"{job}/cancel")).json()["status"] == "cancelled"


async def test_a_running_job_is_asked_to_end_and_an_ended_one_is_not(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload(document_id="x"))["job"]["status_url"]
    await suite.sql("update jobs set status = 'running', lease_token = gen_random_uuid(), lease_until = now()")
    answer = (await suite.http.post(f"{job}/cancel")).json()
    assert (answer["status"], answer["cancel_requested"]) == ("running", True)
    await suite.sql("update jobs set status = 'succeeded'")
    refused = await suite.http.post(f"{job}/cancel")
    assert (refused.status_code, refused.json()["error"]["reason"]) == (409, "job_ended")


async def test_a_document_with_a_visible_version_stays_ready_when_the_next_is_cancelled(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.upload(document_id="x", text="first", title="One")
    await suite.index(collection["id"], "x", "first")
    told = await suite.upload(document_id="x", text="second", title="Two")
    assert (told["document"]["status"], told["document"]["version"]) == ("ready", 2)
    await suite.http.post(f"{told['job']['status_url']}/cancel")
    shown = (await suite.http.get(f"{DOCUMENTS}/x")).json()
    assert (shown["status"], shown["version"], shown["name"], shown["error"]) == ("ready", 1, "One", None)


async def test_metadata_is_nested_no_deeper_than_answers_go(suite: Suite) -> None:
    await suite.collection()
    deepest: Any = 1
    for _ in range(31):
        deepest = [{"a": deepest}] if isinstance(deepest, int) else {"a": deepest}
    kept = await suite.upload(metadata=deepest)
    path = "/api/v1/collections/demo/documents"
    refused = await suite.http.post(path, json={"text": "x", "metadata": {"a": deepest}})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "metadata")
    (shown,) = (await suite.http.get(path)).json()["documents"]
    assert (shown["id"], shown["metadata"]) == (kept["document"]["id"], deepest)
