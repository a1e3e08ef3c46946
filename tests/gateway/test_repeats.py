"""Every route that makes something takes an Idempotency-Key; a repeat gets the same answer with the same status."""

from typing import Any

import pytest
from tests.gateway.suite import Suite

from lorekeep_gateway.organisations import Grant

# They make nothing that a repeat would make twice: what they ask for is asked for once, however often.
NOT_CREATING = ("/cancel", "/reindex", "/reconcile", "/search", "/replay")
COLLECTION = "/api/v1/collections/demo"
MADE: list[tuple[str, dict[str, Any], int, str]] = [
    ("/api/v1/collections", {"name": "other", "metadata_schema": {"year": "integer"}}, 201, "collections"),
    (f"{COLLECTION}/documents", {"text": "one"}, 202, "versions"),
    (f"{COLLECTION}/documents:batch", {"documents": [{"text": "two"}]}, 202, "versions"),
    (f"{COLLECTION}/texts", {"text": "three"}, 202, "versions"),
    (f"{COLLECTION}/qnas", {"question": "four?", "answer": "4"}, 202, "versions"),
    (f"{COLLECTION}/uploads", {"name": "six", "size_bytes": 6}, 201, "uploads"),
]


async def test_every_creating_route_takes_a_key(suite: Suite) -> None:
    document = (await suite.http.get("/openapi.json")).json()
    creating = {
        path: operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method == "post" and {"201", "202"} & {*operation["responses"]} and not path.endswith(NOT_CREATING)
    }
    without = [
        path
        for path, operation in creating.items()
        if "Idempotency-Key" not in {each["name"] for each in operation.get("parameters", ())}
    ]
    assert without == []
    assert len(creating) >= 10


async def test_a_repeat_gets_answer_and_status(suite: Suite, subtests: pytest.Subtests) -> None:
    await suite.collection()
    for path, body, status, table in MADE:
        with subtests.test(path):
            headers = {"Idempotency-Key": path}
            first = await suite.http.post(path, json=body, headers=headers)
            count = await suite.rows(table)
            again = await suite.http.post(path, json=body, headers=headers)
            assert first.status_code == again.status_code == status, first.text
            assert first.json() == again.json()
            assert first.headers.get("location") == again.headers.get("location")
            assert await suite.rows(table) == count


async def test_a_key_of_one_route_is_no_key_of_another(suite: Suite) -> None:
    await suite.collection()
    headers = {"Idempotency-Key": "one"}
    assert (await suite.http.post(f"{COLLECTION}/texts", json={"text": "x"}, headers=headers)).status_code == 202
    for path, body, _, _ in MADE:
        answer = await suite.http.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "idempotency_key_reused")


async def test_a_collection_that_was_refused_can_be_made_under_the_key(suite: Suite) -> None:
    taken = await suite.collection("taken")
    headers = {"Idempotency-Key": "one"}
    body = {"name": "taken"}
    assert (await suite.http.post("/api/v1/collections", json=body, headers=headers)).status_code == 409
    await suite.http.delete(f"/api/v1/collections/{taken['id']}")
    assert (await suite.http.post("/api/v1/collections", json=body, headers=headers)).status_code == 201


async def test_a_change_is_repeated_by_what_it_asks_for(suite: Suite) -> None:
    await suite.collection()
    await suite.upload(document_id="a", text="one", title="A")
    headers = {"Idempotency-Key": "rename"}
    first = await suite.http.patch(f"{COLLECTION}/texts/a", json={"title": "B"}, headers=headers)
    await suite.upload(document_id="a", text="two", title="B")
    again = await suite.http.patch(f"{COLLECTION}/texts/a", json={"title": "B"}, headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    assert await suite.rows("versions") == 3


async def test_a_batch_of_one_is_no_repeat_of_a_single_upload(suite: Suite) -> None:
    await suite.collection()
    headers, path = {"Idempotency-Key": "k"}, f"{COLLECTION}/documents"
    await suite.http.post(path, json={"text": "one"}, headers=headers)
    answer = await suite.http.post(f"{path}:batch", json={"documents": [{"text": "one"}]}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "idempotency_key_reused")


async def test_a_retry_of_other_jobs_is_no_repeat(suite: Suite) -> None:
    bound = (await suite.collection())["id"]
    narrow = await suite.key_for("main", Grant("narrow", collection_ids=(bound,)))
    headers = {"Idempotency-Key": "k"}
    await suite.http.post("/api/v1/jobs:retry", json={}, headers=headers)
    async with suite.caller(narrow) as http:
        answer = await http.post("/api/v1/jobs:retry", json={}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "idempotency_key_reused")


async def test_a_word_that_cannot_be_kept_is_told_back_without(suite: Suite) -> None:
    """An error repeats the name of an unknown field; it is sent and kept as text."""
    await suite.collection()
    for word in ("\\u0000", "\\ud800"):
        item = f'{{"text":"x","{word}":1}}'
        headers = {"Content-Type": "application/json", "Idempotency-Key": word[1:]}
        path = f"{COLLECTION}/documents"
        single = await suite.http.post(path, content=item, headers={"Content-Type": "application/json"})
        assert (single.status_code, single.json()["error"]["field"]) == (422, "\ufffd")
        batch = await suite.http.post(f"{path}:batch", content=f'{{"documents":[{item}]}}', headers=headers)
        assert batch.status_code == 202, batch.text
        assert batch.json()["results"][0]["error"]["field"] == "\ufffd"
