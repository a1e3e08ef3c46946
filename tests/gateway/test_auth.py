"""Keys: what they open, and that nothing tells which part of a wrong one was wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from tests.gateway.suite import Suite, running

from lorekeep_gateway import organisations
from lorekeep_gateway.http.app import ROUTERS
from lorekeep_gateway.http.auth import scopes_of
from lorekeep_gateway.http.description import operations
from lorekeep_gateway.keys import ApiKey
from lorekeep_gateway.organisations import Grant
from lorekeep_gateway.settings import GatewaySettings

COLLECTIONS = "/api/v1/collections"


def test_every_route_declares_its_scopes_but_those_that_tell_of_nobody() -> None:
    undeclared = {route.path for route, _ in operations(ROUTERS) if scopes_of(route.dependant) is None}
    assert undeclared == {
        "/health", "/health/live", "/health/ready", "/up", "/api/health", "/api/health/healthz",
        "/api/health/readyz", "/api/health/search-api", "/general/docs",
    }  # fmt: skip


async def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(suite: Suite) -> None:
    expired = await suite.key_for("main", Grant("old", expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    revoked = await suite.key_for("main")
    key = ApiKey.of_text(revoked)
    assert key is not None
    await organisations.revoke_key(suite.database, "main", key.id)
    right = suite.key
    wrong = [None, "nonsense", right[:-1], right[:-1] + ("0" if right[-1] != "0" else "1"), expired, revoked]
    wrong.append(ApiKey.new().text)
    answers = []
    for each in wrong:
        async with suite.caller(each) as http:
            answers.append(await http.get(COLLECTIONS))
    assert {each.status_code for each in answers} == {401}
    assert {each.headers["www-authenticate"] for each in answers} == {'Bearer realm="lorekeep"'}
    assert len({each.json()["error"]["message"] for each in answers}) == 1


async def test_both_headers_are_taken_and_must_agree(suite: Suite) -> None:
    async with httpx.AsyncClient(base_url=suite.base_url) as http:
        assert (await http.get(COLLECTIONS, headers={"X-API-Key": suite.key})).status_code == 200
        both = {"X-API-Key": suite.key, "Authorization": f"bearer {suite.key}"}
        assert (await http.get(COLLECTIONS, headers=both)).status_code == 200
        both["X-API-Key"] = ApiKey.new().text
        assert (await http.get(COLLECTIONS, headers=both)).status_code == 401


async def test_a_key_without_the_scope_is_refused(suite: Suite) -> None:
    await suite.collection()
    async with suite.caller(await suite.key_for("main", Grant("reader", scopes=("search",)))) as reader:
        assert (await reader.get(COLLECTIONS)).status_code == 200
        refused = [
            await reader.post(COLLECTIONS, json={"name": "more"}),
            await reader.post(f"{COLLECTIONS}/demo/documents", json={"text": "x"}),
            await reader.delete(f"{COLLECTIONS}/demo"),
        ]
    assert [each.status_code for each in refused] == [403, 403, 403]
    assert refused[0].json()["error"]["reason"] == "scope"


async def test_a_key_bound_to_a_collection_sees_no_other(suite: Suite) -> None:
    await suite.collection("one")
    bound = (await suite.collection("two"))["id"]
    async with suite.caller(await suite.key_for("main", Grant("bound", collection_ids=(bound,)))) as http:
        assert [each["name"] for each in (await http.get(COLLECTIONS)).json()["collections"]] == ["two"]
        assert (await http.get(f"{COLLECTIONS}/one")).status_code == 404
        assert (await http.get(f"{COLLECTIONS}/two")).status_code == 200
        assert (await http.post(COLLECTIONS, json={"name": "three"})).status_code == 403


async def test_rotation_overlaps_for_a_day(suite: Suite) -> None:
    old = ApiKey.of_text(suite.key)
    assert old is not None
    new = await organisations.rotate_key(suite.database, "main", old.id)
    for text in (suite.key, new.text):
        async with suite.caller(text) as http:
            assert (await http.get(COLLECTIONS)).status_code == 200
    (row,) = await suite.sql("select expires_at, replaced_by, last_used_at from api_keys where id = $1", old.id)
    assert timedelta(hours=23) < row["expires_at"] - datetime.now(UTC) <= timedelta(hours=24)
    assert row["replaced_by"] == new.id
    assert row["last_used_at"] is not None
    events = {row["event_type"] for row in await suite.sql("select event_type from audit_logs")}
    assert {"organisation.created", "key.created", "key.rotated"} <= events


async def test_only_hashes_are_kept(suite: Suite) -> None:
    secret = suite.key.rpartition("_")[2]
    (row,) = await suite.sql("select k::text as whole from api_keys k")
    assert secret not in row["whole"]
    assert secret not in repr(ApiKey.of_text(suite.key))


async def test_without_keys_only_this_machine_is_served(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, auth="off") as suite, suite.caller(None) as http:
        assert (await http.get(COLLECTIONS)).status_code == 200
        disguised = [
            {"X-Forwarded-For": "10.0.0.1"}, {"Forwarded": "for=10.0.0.1"}, {"X-Real-IP": "10.0.0.1"},
            {"Host": "evil.example"}, {"Origin": "https://evil.example"},
        ]  # fmt: skip
        for headers in disguised:
            answer = await http.get(COLLECTIONS, headers=headers)
            assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "auth_off")


def test_without_keys_no_other_address_is_listened_to() -> None:
    given = {"database_url": "x", "blobs_url": "x", "parser_token": "x", "embedder_token": "x", "search_token": "x"}
    GatewaySettings(**given, auth="off", host="::1")
    with pytest.raises(ValidationError, match="loopback"):
        GatewaySettings(**given, auth="off", host="0.0.0.0")
    assert GatewaySettings(**given, max_file_size="2 MB").max_file_size == 2 * 1024 * 1024
