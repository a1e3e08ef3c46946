"""Idempotency-Key: the same request again gets the same answer and makes nothing."""

import asyncio

from tests.gateway.suite import Suite

DOCUMENTS = "/api/v1/collections/demo/documents"


async def test_a_repeat_gets_the_stored_answer(suite: Suite) -> None:
    await suite.collection()
    headers = {"Idempotency-Key": "one"}
    answers = [await suite.http.post(DOCUMENTS, json={"text": "hello"}, headers=headers) for _ in range(3)]
    assert {each.status_code for each in answers} == {202}
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert await suite.rows("versions") == await suite.rows("jobs") == 1


async def test_another_request_under_the_key_is_refused(suite: Suite) -> None:
    await suite.collection()
    headers = {"Idempotency-Key": "one"}
    await suite.http.post(DOCUMENTS, json={"text": "hello"}, headers=headers)
    for changed in ({"text": "other"}, {"text": "hello", "metadata": {"a": 1}}, {"text": "hello", "document_id": "x"}):
        answer = await suite.http.post(DOCUMENTS, json=changed, headers=headers)
        assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "idempotency_key_reused")
    assert await suite.rows("documents") == 1
    assert len(suite.files()) == 1


async def test_a_batch_counts_as_one_request(suite: Suite) -> None:
    await suite.collection()
    body, headers = {"documents": [{"text": "a"}, {"text": " "}, {"text": "b"}]}, {"Idempotency-Key": "batch"}
    first = await suite.http.post(f"{DOCUMENTS}:batch", json=body, headers=headers)
    second = await suite.http.post(f"{DOCUMENTS}:batch", json=body, headers=headers)
    assert [each.get("document") for each in first.json()["results"]] == [
        each.get("document") for each in second.json()["results"]
    ]
    assert await suite.rows("documents") == 2


async def test_callers_at_once_make_one_document(suite: Suite) -> None:
    await suite.collection()
    headers = {"Idempotency-Key": "race"}
    answers = await asyncio.gather(
        *(suite.http.post(DOCUMENTS, json={"text": "hello"}, headers=headers) for _ in range(8))
    )
    assert {each.status_code for each in answers} <= {202, 409}
    refused = [each for each in answers if each.status_code == 409]
    assert {each.json()["error"]["reason"] for each in refused} <= {"idempotency_in_flight"}
    assert all(int(each.headers["retry-after"]) >= 1 for each in refused)
    assert await suite.rows("documents") == 1


async def test_a_key_in_use_elsewhere_is_in_flight(suite: Suite) -> None:
    await suite.collection()
    organisation_id = (await suite.sql("select id from organisations"))[0]["id"]
    async with suite.database.transaction() as session:
        assert await session("idempotency_hold", organisation_id=organisation_id, key="held")
        answer = await suite.http.post(DOCUMENTS, json={"text": "x"}, headers={"Idempotency-Key": "held"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "idempotency_in_flight")
    assert answer.headers["retry-after"] == "1"
    assert suite.files() == []


async def test_keys_of_two_organisations_are_two_keys(suite: Suite) -> None:
    await suite.collection()
    headers = {"Idempotency-Key": "same"}
    await suite.http.post(DOCUMENTS, json={"text": "mine"}, headers=headers)
    async with suite.caller(await suite.key_for("other")) as other:
        await other.post("/api/v1/collections", json={"name": "demo"})
        assert (await other.post(DOCUMENTS, json={"text": "theirs"}, headers=headers)).status_code == 202
