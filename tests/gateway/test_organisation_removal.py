"""An organisation goes with all that it has; others and the audit log stay."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import asyncpg
import pytest
from tests.gateway.suite import Suite
from tests.ingest.bench import until

from lorekeep_chassis import errors
from lorekeep_gateway import callees, organisations
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.organisations import Grant
from lorekeep_gateway.removal import OrganisationRemoval, Receipt, sweep
from lorekeep_gateway.removal.organisation import mark, receipt_of

TABLES = (
    *("organisations", "workspaces", "memberships", "api_keys", "users", "collections", "generations", "documents"),
    *("versions", "jobs", "uploads", "upload_parts", "webhooks", "webhook_deliveries", "idempotency_keys"),
)
MADE = """
insert into uploads (id, organisation_id, collection_id, actor, name, size_bytes, part_bytes, expires_at)
    values ('upl', $1, $2, 'key', 'a', 9, 9, now() + interval '1 day');
insert into webhooks (id, organisation_id, workspace_id, collection_id, url, secret, events, actor)
    select 'whk', $1, workspace_id, $2, 'https://example.org', 's', '{job.failed}', 'key'
    from collections where id = $2;
insert into webhook_deliveries (id, organisation_id, webhook_id, event, payload)
    values ('dlv', $1, 'whk', 'job.failed', '{}')
"""


async def _furnished(suite: Suite) -> str:
    """Something of everything; gives the organisation's id."""
    collection = await suite.collection()
    for number in range(3):
        await suite.upload(document_id=str(number), text=str(number))
        await suite.index(collection["id"], str(number), "text")
    other = await suite.collection("other")
    headers = {"Idempotency-Key": "once"}
    body = {"text": "more"}
    path = f"/api/v1/collections/{other['name']}/documents"
    assert (await suite.http.post(path, json=body, headers=headers)).status_code == 202
    organisation = str((await suite.sql("select id from organisations where name = 'main'"))[0][0])
    for statement in MADE.split(";\n"):
        await suite.sql(statement, *[organisation, collection["id"]][: statement.count("$")])
    suite.search.cached[organisation] = 4
    (suite.blobs / "organisations" / organisation / "uploads").mkdir(exist_ok=True)
    (suite.blobs / "organisations" / organisation / "uploads" / "left").write_bytes(b"half")
    return organisation


async def _finished(suite: Suite, organisation: str) -> Receipt:
    async with callees.opened(suite.settings) as stubs:
        return await OrganisationRemoval(suite.database, Blobs(suite.settings.blobs_url), stubs).finish(organisation)


async def _events(suite: Suite, organisation: str) -> list[Any]:
    statement = "select event_type, actor, detail from audit_logs where organisation_id = $1 order by id"
    return await suite.sql(statement, organisation)


async def test_nothing_is_left_but_the_audit_log(suite: Suite) -> None:
    organisation = await _furnished(suite)
    receipt = await _finished(suite, await mark(suite.database, "main", actor="operator", address="10.0.0.9"))
    assert receipt.finished
    counts = {"documents": 4, "versions": 4, "jobs": 4, "chunks": 3, "cache_entries": 4}
    assert {name: receipt.counts[name] for name in counts} == counts
    left = {table: await suite.rows(table) for table in TABLES}
    assert left == {**dict.fromkeys(TABLES, 0), "users": 1}, "the instance's administrator is nobody's member"
    assert suite.files() == []
    assert suite.search.chunks[organisation] == []
    events = await _events(suite, organisation)
    assert events[-1]["event_type"] == "organisation.removed"
    assert json.loads(events[-1]["detail"])["removed"] == receipt.counts
    again = await organisations.create_first(suite.database, "main", "admin", Grant("administrator"), again=False)
    assert (await suite.caller(again.text).get("/api/v1/collections")).json()["collections"] == []


async def test_all_is_hidden_when_it_is_marked(suite: Suite) -> None:
    organisation = await _furnished(suite)
    key = await suite.key_for("neighbour")
    await mark(suite.database, "main", actor="operator")
    assert (await suite.http.get("/api/v1/collections")).status_code == 401
    search = await suite.http.post("/api/v1/collections/demo/search", json={"query": "q"})
    assert search.status_code == 401
    assert (await suite.caller(key).get("/api/v1/collections")).status_code == 200
    assert {row[0] for row in await suite.sql("select status from jobs")} == {"cancelled", "succeeded"}
    assert [each["name"] for each in await organisations.list_all(suite.database)] == ["neighbour"]
    with pytest.raises(errors.NotFound):
        await organisations.create_key(suite.database, "main", "admin", Grant("late"))
    with pytest.raises(errors.NotFound):
        await mark(suite.database, "main", actor="operator")
    assert await receipt_of(suite.database, organisation) == Receipt(finished=False)


async def test_a_neighbour_loses_nothing(suite: Suite) -> None:
    key = await suite.key_for("neighbour")
    async with suite.caller(key) as neighbour:
        await neighbour.post("/api/v1/collections", json={"name": "demo"})
        await neighbour.post("/api/v1/collections/demo/documents", json={"text": "0", "document_id": "0"})
        await _furnished(suite)
        assert (await _finished(suite, await mark(suite.database, "main", actor="operator"))).finished
        assert (await neighbour.get("/api/v1/collections/demo/documents/0/content")).content == b"0"
    assert await suite.rows("documents") == 1
    assert len(suite.files()) == 1


async def test_what_stops_in_the_middle_is_finished_by_the_janitor(suite: Suite) -> None:
    organisation = await _furnished(suite)
    suite.search.failure = errors.Unavailable("Away.")
    await mark(suite.database, "main", actor="operator")
    assert not (await _finished(suite, organisation)).finished
    suite.search.failure = None
    await suite.sql("update jobs set lease_until = now() + interval '1 minute' where id = (select min(id) from jobs)")
    partly = await _finished(suite, organisation)
    assert not partly.finished
    assert partly.chunks == 3
    await suite.sql("update jobs set lease_until = now()")
    async with callees.opened(suite.settings) as stubs:
        blobs = Blobs(suite.settings.blobs_url)
        assert await sweep(suite.database, blobs, stubs) == 1
    receipt = await receipt_of(suite.database, organisation)
    assert receipt is not None
    assert (receipt.finished, receipt.documents, receipt.chunks, receipt.cache_entries) == (True, 4, 3, 4)
    assert await suite.rows("organisations") == 0


async def test_a_collection_that_was_being_made_goes_too(suite: Suite) -> None:
    organisation = await _furnished(suite)
    await mark(suite.database, "main", actor="operator")
    await suite.sql(
        "insert into collections (id, organisation_id, workspace_id, name) select 'col_late', $1, id, 'late' "
        "from workspaces where organisation_id = $1",
        organisation,
    )
    assert (await _finished(suite, organisation)).finished
    assert await suite.rows("collections") == 0


async def test_the_audit_log_tells_who_did_what_and_is_never_rewritten(suite: Suite) -> None:
    collection = await suite.collection()
    await suite.http.patch("/api/v1/collections/demo", json={"name": "better"})
    await suite.upload("better", document_id="a")
    await suite.http.delete("/api/v1/collections/better/documents/a")
    await suite.http.delete("/api/v1/collections/better")
    rows = await suite.sql("select * from audit_logs where event_type ~ '^(collection|document)' order by id")
    key = (await suite.sql("select id from api_keys"))[0][0]
    seen = [(row["event_type"], row["actor"], row["address"]) for row in rows]
    assert seen == [
        ("collection.created", key, "127.0.0.1"),
        ("collection.changed", key, "127.0.0.1"),
        ("document.deleted", key, "127.0.0.1"),
        ("document.removed", "system", ""),
        ("collection.deleted", key, "127.0.0.1"),
        ("collection.removed", "system", ""),
    ]
    assert [row["target"] for row in rows[2:4]] == ["a", "a"]
    assert json.loads(rows[3]["detail"])["removed"] == {**Receipt().counts, "documents": 1, "versions": 1, "blobs": 1,
                                                       "jobs": 1}  # fmt: skip
    assert rows[5]["target"] == collection["id"]
    for statement in ("update audit_logs set actor = 'x'", "delete from audit_logs"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await suite.sql(statement)


async def test_the_command_asks_marks_and_shows_the_receipt(suite: Suite) -> None:
    await suite.collection()
    command = [sys.executable, "-m", "lorekeep_gateway", "admin", "organisation", "delete", "main"]
    environment = {"LOREKEEP_DATABASE_URL": suite.database_url, "PYTHONPATH": ":".join(sys.path)}

    def run(*more: str, told: str = "") -> "subprocess.CompletedProcess[str]":
        options: dict[str, Any] = {"env": environment, "capture_output": True, "text": True, "timeout": 60}
        return subprocess.run([*command, *more], input=told, check=False, **options)

    refused = await asyncio.to_thread(run, told="mine\n")
    assert (refused.returncode, await suite.rows("organisations where status = 'active'")) == (1, 1)
    deleting = asyncio.create_task(asyncio.to_thread(run, "--yes", "--wait", "30"))
    async with callees.opened(suite.settings) as stubs:
        blobs = Blobs(suite.settings.blobs_url)
        await until(lambda: sweep(suite.database, blobs, stubs))
    done = await deleting
    assert done.returncode == 0, done.stderr
    assert "Deleted main (org_" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[:-1]] == list(Receipt().counts)
    gone = await asyncio.to_thread(run, "--yes")
    assert (gone.returncode, "no organisation named main" in gone.stderr) == (1, True)
