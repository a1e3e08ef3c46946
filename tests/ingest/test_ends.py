"""Which way a job's status may go, and what its end leaves for those who want to be told."""

from typing import Any

import asyncpg
import pytest
from tests.ingest.bench import Bench, until
from tests.ingest.services import Hooks
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_gateway.removal import Removal

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")
WAYS = {
    "queued": {"running", "succeeded", "failed", "cancelled"},
    "running": {"queued", "succeeded", "failed", "cancelled"},
    "succeeded": set(),
    "failed": {"queued"},
    "cancelled": {"queued"},
}
ENDS = ["job.succeeded", "job.failed", "job.cancelled"]


async def _set(bench: Bench, ids: dict[str, str], status: str) -> None:
    await bench.sql(
        "update jobs set status = $2, lease_token = gen_random_uuid(), lease_until = now() where id = $1",
        ids["id"],
        status,
    )


async def test_a_status_goes_no_other_way(bench: Bench, subtests: pytest.Subtests) -> None:
    collection = await bench.collection()
    for before in STATUSES:
        for after in STATUSES:
            with subtests.test(f"{before} to {after}"):
                ids = await bench.document(collection, "a")
                if before != "queued":
                    await _set(bench, ids, before)
                if after == before or after in WAYS[before]:
                    await _set(bench, ids, after)
                    assert (await bench.job(ids))["status"] == after
                else:
                    with pytest.raises(asyncpg.CheckViolationError, match=f"from {before} to {after}"):
                        await _set(bench, ids, after)
                    assert (await bench.job(ids))["status"] == before


async def _webhook(bench: Bench, name: str, collection_id: str | None = None, **changed: Any) -> None:
    given = {"organisation": "org_a", "events": ENDS, "active": True, **changed}
    await bench.sql(
        "insert into webhooks (id, organisation_id, workspace_id, collection_id, url, secret, events, active, actor)"
        " values ($1, $2, 'ws_' || $2::text, $3, 'https://x', 's', $4, $5, 'key_x')",
        name,
        given["organisation"],
        collection_id,
        given["events"],
        given["active"],
    )


async def _told(bench: Bench) -> list[tuple[str, str]]:
    rows = await bench.sql("select webhook_id, event from webhook_deliveries order by webhook_id, created_at")
    return [(row["webhook_id"], row["event"]) for row in rows]


async def test_whoever_wants_to_know_of_an_end_gets_a_delivery(bench: Bench) -> None:
    collection, other = await bench.collection(), await bench.collection()
    await bench.collection("org_b")
    await _webhook(bench, "all")
    await _webhook(bench, "mine", collection)
    await _webhook(bench, "failures", events=["job.failed"])
    await _webhook(bench, "not_mine", other)
    await _webhook(bench, "asleep", active=False)
    await _webhook(bench, "strange", organisation="org_b")
    async with bench.working():
        await bench.ended(await bench.document(collection, "a"))
        assert await _told(bench) == [("all", "job.succeeded"), ("mine", "job.succeeded")]
        await bench.ended(await bench.document(collection, "ENCRYPTED"))
    assert [each for each in await _told(bench) if each[1] == "job.failed"] == [
        ("all", "job.failed"),
        ("failures", "job.failed"),
        ("mine", "job.failed"),
    ]


async def test_a_delivery_says_what_became_of_the_job(bench: Bench) -> None:
    collection = await bench.collection()
    await _webhook(bench, "all")
    ids = await bench.document(collection, "ENCRYPTED")
    async with bench.working():
        job = await bench.ended(ids)
    (row,) = await bench.sql("select * from webhook_deliveries")
    assert row["id"].startswith("dlv_")
    assert row["payload"] == {
        "event": "job.failed",
        "job_id": ids["id"],
        "collection_id": collection,
        "document_id": ids["document_id"],
        "version": 1,
        "status": "failed",
        "dead": False,
        "error": job["error"],
        "warnings": [],
        "finished_at": row["payload"]["finished_at"],
    }


async def test_a_waiting_job_that_is_cancelled_is_told_of_too(bench: Bench) -> None:
    await _webhook_of_a_new_collection(bench)
    ids = await bench.document((await bench.sql("select id from collections"))[0][0], "a")
    async with bench.database.transaction() as session:
        await session("job_cancel", organisation_id="org_a", id=ids["id"])
    assert await _told(bench) == [("all", "job.cancelled")]


async def test_nothing_is_told_of_what_is_being_deleted(bench: Bench) -> None:
    await _webhook_of_a_new_collection(bench)
    collection = (await bench.sql("select id from collections"))[0][0]
    ids = await bench.document(collection, "a")
    removal = Removal(bench.database, bench.blobs, bench.callees, "org_a")
    await removal.document(collection, ids["document_id"])
    await bench.document(collection, "b")
    await removal.collection(collection)
    assert await _told(bench) == []


async def _webhook_of_a_new_collection(bench: Bench) -> None:
    await bench.collection()
    await _webhook(bench, "all")


async def test_an_older_version_that_fails_late_says_nothing_of_the_newer_one(bench: Bench) -> None:
    collection = await bench.collection()
    old = await bench.document(collection, "ENCRYPTED")
    await bench.sql("update jobs set run_after = now() + interval '1 hour'")
    new = await bench.document(collection, "new", of=old["document_id"])
    async with bench.working():
        assert (await bench.ended(new))["status"] == "succeeded"
        await bench.sql("update jobs set run_after = now()")
        assert (await bench.ended(old))["status"] == "failed"
    document = await bench.document_row(new)
    assert (document["status"], document["error"]) == ("ready", None)


async def test_a_document_whose_next_version_waits_has_not_failed(bench: Bench) -> None:
    collection = await bench.collection()
    old = await bench.document(collection, "ENCRYPTED")
    new = await bench.document(collection, "new", of=old["document_id"])
    await bench.sql("update jobs set run_after = now() + interval '1 hour' where id = $1", new["id"])
    async with bench.working():
        assert (await bench.ended(old))["status"] == "failed"
    document = await bench.document_row(new)
    assert (document["status"], document["error"]) == ("processing", None)


async def test_a_document_says_what_went_wrong_with_the_next_version_whichever_ends_first(bench: Bench) -> None:
    collection, embed = await bench.collection(), bench.services.embedder.embed
    embed.hook = failing(10_000, errors.Overloaded("away"))
    old = await bench.document(collection, "old")
    async with bench.working():
        await until(lambda: _called(embed))
        new = await bench.document(collection, "ENCRYPTED", of=old["document_id"])
        assert (await bench.ended(new))["status"] == "failed"
        embed.hook = lambda number: None
        assert (await bench.ended(old))["status"] == "succeeded"
    document = await bench.document_row(new)
    assert (document["status"], (document["error"] or {}).get("reason")) == ("ready", "encrypted")


async def _called(hooks: Hooks) -> bool:
    return bool(hooks.calls)
