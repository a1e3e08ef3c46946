"""Webhooks over HTTP: made, listed, changed, rotated, deleted, replayed, and seen by nobody else."""

import asyncio
import logging
from typing import Any

import pytest
from tests.gateway.suite import Suite

from lorekeep_gateway.organisations import Grant
from lorekeep_gateway.webhooks import MOST_PER_WORKSPACE

HOOKS = "/api/v1/webhooks"
BODY = {"url": "https://example.com/hook", "events": ["job.failed", "job.succeeded", "job.failed"]}


async def _made(suite: Suite, **changed: Any) -> dict[str, Any]:
    answer = await suite.http.post(HOOKS, json={**BODY, **changed})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _deliver(suite: Suite, webhook_id: str, count: int = 1, **columns: Any) -> None:
    """Deliveries `dlv_0`, `dlv_1`, ... of a webhook, each a second younger than the one before."""
    given = {"status": "failed", "attempt": 9, "error": "url_timeout", **columns}
    await suite.sql(
        "insert into webhook_deliveries (id, organisation_id, webhook_id, event, payload, created_at, status, attempt,"
        " error, ended_at) select 'dlv_' || n, organisation_id, id, 'job.failed', '{}', now() + n * interval '1 s', $3,"
        " $4, $5, case when $3 = 'waiting' then null else now() end from webhooks, generate_series(0, $2 - 1) n"
        " where id = $1",
        webhook_id,
        count,
        given["status"],
        given["attempt"],
        given["error"],
    )


async def _events(suite: Suite) -> list[tuple[str, str]]:
    rows = await suite.sql("select event_type, target from audit_logs where event_type like 'webhook.%' order by id")
    return [tuple(row) for row in rows]


async def test_a_webhook_lives_and_its_life_is_written_down(suite: Suite) -> None:
    made = await _made(suite)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(secret) == 6 + 43
    assert (made["events"], made["active"], made["collection_id"]) == (["job.failed", "job.succeeded"], True, None)
    path = f"{HOOKS}/{made['id']}"
    assert (await suite.http.get(path)).json() == made
    assert (await suite.http.get(HOOKS)).json() == {"webhooks": [made], "next_cursor": None}
    changed = await suite.http.patch(path, json={"active": False, "events": ["job.cancelled"]})
    assert changed.json() == {**made, "active": False, "events": ["job.cancelled"]}
    assert (await suite.http.patch(path, json={"url": "http://example.org/"})).json()["url"] == "http://example.org/"
    rotated = (await suite.http.post(f"{path}/rotate")).json()
    assert rotated["secret"] not in ("", secret)
    assert [row["secret"] for row in await suite.sql("select secret from webhooks")] == [rotated["secret"]]
    assert (await suite.http.delete(path)).status_code == 204
    assert (await suite.http.get(path)).status_code == 404
    kinds = ("created", "changed", "changed", "rotated", "deleted")
    assert await _events(suite) == [(f"webhook.{each}", made["id"]) for each in kinds]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "https://user:word@example.com"}, "url"),
        ({"url": "http://example.com:6379"}, "url"),
        ({"url": ""}, "url"),
        ({"events": []}, "events"),
        ({"events": ["job.started"]}, "events"),
        ({"secret": "mine"}, "secret"),
    ],
)
async def test_what_is_no_webhook_is_refused(suite: Suite, body: dict[str, Any], field: str) -> None:
    answer = await suite.http.post(HOOKS, json={**BODY, **body})
    assert (answer.status_code, answer.json()["error"]["field"].split(".")[0]) == (422, field)
    assert await suite.rows("webhooks") == 0
    if "secret" not in body:
        made = await _made(suite)
        assert (await suite.http.patch(f"{HOOKS}/{made['id']}", json=body)).status_code == 422


async def test_an_inner_address_is_no_news_at_creation(suite: Suite) -> None:
    """It is judged when something is sent; so nobody finds out names by making webhooks."""
    await _made(suite, url="http://169.254.169.254/latest")


async def test_a_repeat_makes_one_webhook_and_shows_the_same_secret(suite: Suite) -> None:
    headers = {"Idempotency-Key": "one"}
    answers = [await suite.http.post(HOOKS, json=BODY, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert await suite.rows("webhooks") == 1
    other = await suite.http.post(HOOKS, json={**BODY, "url": "https://example.org"}, headers=headers)
    assert (other.status_code, other.json()["error"]["reason"]) == (409, "idempotency_key_reused")
    secret = answers[0].json()["secret"]
    assert not any(secret in str(dict(row)) for row in await suite.sql("select * from idempotency_keys"))
    async with suite.caller(await suite.key_for("main")) as colleague:
        answer = await colleague.post(HOOKS, json=BODY, headers=headers)
        assert (answer.status_code, secret in answer.text) == (409, False)
    await suite.http.delete(f"{HOOKS}/{answers[0].json()['id']}")
    assert (await suite.http.post(HOOKS, json=BODY, headers=headers)).json()["secret"] is None


async def test_a_workspace_has_twenty_at_most_even_when_made_at_once(suite: Suite) -> None:
    answers = await asyncio.gather(*(suite.http.post(HOOKS, json=BODY) for _ in range(MOST_PER_WORKSPACE + 5)))
    assert sorted(each.status_code for each in answers) == [201] * MOST_PER_WORKSPACE + [429] * 5
    assert {e.json()["error"]["reason"] for e in answers if e.status_code == 429} == {"webhook_limit"}
    pages, cursor = [], ""
    while cursor is not None:
        page = (await suite.http.get(HOOKS, params={"limit": 7, **({"cursor": cursor} if cursor else {})})).json()
        pages += [each["id"] for each in page["webhooks"]]
        cursor = page["next_cursor"]
    assert pages == sorted(pages)
    assert len(set(pages)) == MOST_PER_WORKSPACE


async def test_a_bound_key_has_the_webhooks_of_its_collections(suite: Suite) -> None:
    mine, theirs = await suite.collection("mine"), await suite.collection("theirs")
    hooks = {name: await _made(suite, collection=name) for name in ("mine", "theirs")}
    await _made(suite)
    key = await suite.key_for("main", Grant("bound", collection_ids=(mine["id"],)))
    async with suite.caller(key) as bound:
        assert [each["id"] for each in (await bound.get(HOOKS)).json()["webhooks"]] == [hooks["mine"]["id"]]
        for path in ("", "/deliveries"):
            assert (await bound.get(f"{HOOKS}/{hooks['theirs']['id']}{path}")).status_code == 404
        assert (await bound.post(HOOKS, json={**BODY, "collection": theirs["id"]})).status_code == 404
        refused = await bound.post(HOOKS, json=BODY)
        assert (refused.status_code, refused.json()["error"]["reason"]) == (403, "bound_key")
        made = await bound.post(HOOKS, json={**BODY, "collection": "mine"})
        assert (made.status_code, made.json()["collection_id"]) == (201, mine["id"])


async def test_another_organisation_or_workspace_finds_none(suite: Suite) -> None:
    made = await _made(suite)
    await _deliver(suite, made["id"])
    path = f"{HOOKS}/{made['id']}"
    routes = [
        ("GET", path, None),
        ("PATCH", path, {"active": False}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate", None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/deliveries/dlv_0/replay", None),
    ]
    before = await suite.sql("select * from webhooks"), await suite.sql("select * from webhook_deliveries")
    async with suite.caller(await suite.key_for("other")) as other:
        assert (await other.get(HOOKS)).json()["webhooks"] == []
        mine = (await other.post(HOOKS, json=BODY)).json()["id"]
        for method, route, body in routes:
            answer = await other.request(method, route, json=body)
            assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "webhook_not_found"), route
        answer = await other.post(f"{HOOKS}/{mine}/deliveries/dlv_0/replay")
        assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "delivery_not_found")
        await other.delete(f"{HOOKS}/{mine}")
    await suite.sql("insert into workspaces values ('ws_2', (select organisation_id from webhooks), 'second')")
    await suite.sql(
        "update api_keys set workspace_id = 'ws_2' where organisation_id in (select organisation_id from webhooks)"
    )
    for method, route, body in routes:
        assert (await suite.http.request(method, route, json=body)).status_code == 404
    assert (await suite.sql("select * from webhooks"), await suite.sql("select * from webhook_deliveries")) == before


async def test_only_who_manages_may(suite: Suite) -> None:
    async with suite.caller(await suite.key_for("main", Grant("reader", scopes=("search", "ingest")))) as reader:
        assert (await reader.get(HOOKS)).status_code == 403
        assert (await reader.post(HOOKS, json=BODY)).status_code == 403


async def test_deliveries_are_listed_newest_first_and_replayed(suite: Suite) -> None:
    path = f"{HOOKS}/{(await _made(suite))['id']}"
    await _deliver(suite, path.rpartition("/")[2], 5)
    first = (await suite.http.get(f"{path}/deliveries", params={"limit": 3})).json()
    asked = {"limit": 3, "cursor": first["next_cursor"]}
    second = (await suite.http.get(f"{path}/deliveries", params=asked)).json()
    assert [each["id"] for each in first["deliveries"] + second["deliveries"]] == [f"dlv_{n}" for n in (4, 3, 2, 1, 0)]
    assert second["next_cursor"] is None
    shown = first["deliveries"][0]
    assert (shown["status"], shown["attempt"], shown["error"], shown["next_at"]) == ("failed", 9, "url_timeout", None)
    answer = await suite.http.post(f"{path}/deliveries/dlv_4/replay")
    replayed = answer.json()
    assert (answer.status_code, replayed["id"], replayed["status"], replayed["attempt"]) == (202, "dlv_4", "waiting", 0)
    assert (replayed["error"], replayed["ended_at"]) == (None, None)
    waiting = (await suite.http.get(f"{path}/deliveries", params={"status": "waiting"})).json()["deliveries"]
    assert [each["id"] for each in waiting] == ["dlv_4"]
    again = (await suite.http.post(f"{path}/deliveries/dlv_4/replay")).json()
    assert (again["status"], again["attempt"]) == ("waiting", 0)
    await suite.http.patch(path, json={"active": False})
    inactive = await suite.http.post(f"{path}/deliveries/dlv_3/replay")
    assert (inactive.status_code, inactive.json()["error"]["reason"]) == (409, "webhook_inactive")


async def test_a_replay_of_what_waits_keeps_its_count(suite: Suite) -> None:
    path = f"{HOOKS}/{(await _made(suite))['id']}"
    await _deliver(suite, path.rpartition("/")[2], status="waiting", attempt=3)
    await suite.sql("update webhook_deliveries set next_at = now() + interval '1 hour'")
    again = (await suite.http.post(f"{path}/deliveries/dlv_0/replay")).json()
    assert (again["status"], again["attempt"], again["error"]) == ("waiting", 3, "url_timeout")
    assert await suite.sql("select 1 from webhook_deliveries where next_at <= now()")


async def test_a_secret_is_told_once_and_written_nowhere_else(suite: Suite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = await _made(suite)
    path = f"{HOOKS}/{made['id']}"
    rotated = (await suite.http.post(f"{path}/rotate")).json()["secret"]
    answers = [
        await suite.http.get(HOOKS),
        await suite.http.get(path),
        await suite.http.patch(path, json={"active": True}),
        await suite.http.patch(path, json={"url": "x"}),
        await suite.http.get(f"{path}/deliveries"),
    ]
    for secret in (made["secret"], rotated):
        assert not any(secret in each.text for each in answers)
        assert secret not in caplog.text
        assert not any(secret in str(vars(record)) for record in caplog.records)
