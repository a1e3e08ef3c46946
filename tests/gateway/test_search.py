"""Search: what is asked of the search service, and what is shown of its answer."""

import asyncio
from pathlib import Path

import pytest
from tests.gateway.suite import Suite, running

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors

JSON = {"Content-Type": "application/json"}
SEARCH = "/api/v1/collections/demo/search"


async def _indexed(suite: Suite) -> str:
    collection = await suite.collection(lang="string", year="integer")
    await suite.upload(document_id="faq", text="Refunds take five days.")
    await suite.index(collection["id"], "faq", "Refunds take five days.", "Shipping is free.")
    return str(collection["id"])


async def test_hits_carry_their_place(suite: Suite) -> None:
    collection_id = await _indexed(suite)
    answer = await suite.http.post(SEARCH, json={"query": "refunds", "limit": 1})
    assert answer.status_code == 200
    told = answer.json()
    (hit,) = told["hits"]
    assert hit["document_id"] == hit["document_name"] == "faq"
    assert (hit["collection"], hit["collection_id"]) == ("demo", collection_id)
    assert (hit["text"], hit["page"], hit["heading_path"]) == ("Refunds take five days.", 1, ["Top"])
    assert (hit["start"], hit["end"]) == (0, 23)
    assert hit["scores"] == {"dense": 0.5, "lexical": None}
    assert hit["metadata"] == {"lang": "en"}
    assert told["next_cursor"] is None
    assert told["trace_id"] == answer.headers["traceparent"].split("-")[1]
    assert "embed;dur=1.5" in answer.headers["server-timing"]


async def test_what_is_asked_arrives(suite: Suite) -> None:
    collection_id = await _indexed(suite)
    body = {"query": "q", "limit": 7, "mode": "lexical", "filter": {"lang": "en"}, "group_by": "document"}
    assert (await suite.http.post(SEARCH, json=body)).status_code == 200
    asked = suite.search.asked[-1]
    assert (asked.query, asked.limit, asked.mode, asked.limit_per_document) == ("q", 7, search_pb2.MODE_LEXICAL, 1)
    assert asked.filter.condition.field.name == "lang"
    assert (asked.targets[0].collection_id, asked.targets[0].epoch) == (collection_id, 1)
    assert (asked.space.model, asked.space.dimensions) == ("m", 3)


BAD = [
    ({}, "query"),
    ({"query": ""}, "query"),
    ({"query": "  \n"}, "query"),
    ({"query": "x" * 8193}, "query"),
    ({"query": "a\x00b"}, "query"),
    ({"query": "q", "limit": 0}, "limit"),
    ({"query": "q", "limit": 101}, "limit"),
    ({"query": "q", "limit": "ten"}, "limit"),
    ({"query": "q", "mode": "psychic"}, "mode"),
    ({"query": "q", "group_by": "page"}, "group_by"),
    ({"query": "q", "unknown": 1}, "unknown"),
    ({"query": "q", "filter": []}, "filter"),
    ({"query": "q", "filter": {"nobody": 1}}, "filter.nobody"),
    ({"query": "q", "filter": {"year": "2020"}}, "filter.year"),
    ({"query": "q", "filter": {"year": {"$like": 1}}}, "filter.year"),
    ({"query": "q", "filter": {"$not": {}}}, "filter"),
]


async def test_a_bad_search_names_its_field(suite: Suite, subtests: pytest.Subtests) -> None:
    await _indexed(suite)
    for body, field in BAD:
        with subtests.test(field=field, body=str(body)[:60]):
            answer = await suite.http.post(SEARCH, json=body)
            assert (answer.status_code, answer.json()["error"]["field"]) == (422, field), answer.text
    answer = await suite.http.post(SEARCH, json={"query": "q", "filter": {"nobody": 1}})
    assert answer.json()["error"]["reason"] == "undeclared_field"
    assert "PATCH" in answer.json()["error"]["message"]
    assert (await suite.http.post(SEARCH, content=b"{", headers=JSON)).json()["error"]["reason"] == "invalid_json"


async def test_a_collection_without_an_index_has_no_hits(suite: Suite) -> None:
    await suite.collection()
    assert (await suite.http.post(SEARCH, json={"query": "q"})).json()["hits"] == []
    assert suite.search.asked == []


async def test_collections_of_different_models_are_not_mixed(suite: Suite) -> None:
    await _indexed(suite)
    other = await suite.collection("other")
    await suite.upload("other", document_id="x")
    await suite.index(other["id"], "x", "text")
    both = {"query": "q", "collections": ["demo", other["id"], "demo"]}
    assert {each["collection"] for each in (await suite.http.post("/api/v1/search", json=both)).json()["hits"]} == {
        "demo",
        "other",
    }
    await suite.sql("update generations set fingerprint = 'g' where collection_id = $1", other["id"])
    answer = await suite.http.post("/api/v1/search", json=both)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (422, "different_models")
    answer = await suite.http.post("/api/v1/search", json={"query": "q", "collections": ["demo", "nowhere"]})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "collection_not_found")


async def test_what_the_search_service_refuses_comes_through(suite: Suite) -> None:
    await _indexed(suite)
    suite.search.failure = errors.Overloaded("Busy.", retry_after_seconds=2.5)
    answer = await suite.http.post(SEARCH, json={"query": "q"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    suite.search.failure = errors.Internal()
    answer = await suite.http.post(SEARCH, json={"query": "q"})
    assert answer.status_code == 500
    assert "127.0.0.1" not in answer.text


async def test_more_searches_than_places_are_refused_early(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, max_concurrent_queries=1) as suite:
        await _indexed(suite)
        suite.search.open.clear()
        first = asyncio.create_task(suite.http.post(SEARCH, json={"query": "q"}))
        async with asyncio.timeout(10):
            while not suite.search.asked:  # noqa: ASYNC110 - a plain list
                await asyncio.sleep(0.01)
        refused = await suite.http.post(SEARCH, json={"query": "q"})
        suite.search.open.set()
        assert (refused.status_code, refused.json()["error"]["reason"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert (await first).status_code == 200
        assert (await suite.http.post(SEARCH, json={"query": "q"})).status_code == 200
