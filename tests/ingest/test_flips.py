"""The switch from one version to the next, its open intents, and what is swept behind it."""

from typing import Any

from prometheus_client import REGISTRY
from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.crashes import Mortal, MortalDatabase
from tests.ingest.test_crashes import lived
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_gateway.bell import Bell
from lorekeep_gateway.ingest.role import Ingest


async def test_the_next_version_replaces_the_one_before_in_one_step(bench: Bench) -> None:
    collection = await bench.collection()
    old = await bench.document(collection, book(3, "old"))
    async with bench.working():
        await bench.ended(old)
        new = await bench.document(collection, book(2, "new"), of=old["document_id"])
        await bench.ended(new)
    search = bench.services.search
    assert {each.version_id for each in search.visible(collection, 1)} == {old["version_id"]}
    assert {each.version_id for each in search.visible(collection, 2)} == {new["version_id"]}
    assert await bench.visible(collection) == {new["version_id"]: plain(book(2, "new"))}
    assert (await bench.version(old))["status"] == "superseded"


async def test_a_superseded_version_is_swept_after_its_time_and_not_before(bench: Bench) -> None:
    collection = await bench.collection()
    old = await bench.document(collection, "old")
    async with bench.working():
        await bench.ended(old)
        new = await bench.document(collection, "new", of=old["document_id"])
        await bench.ended(new)
    await bench.ingest(sweep_after_seconds=300).janitor.round()
    assert {each.chunk.version_id for each in bench.services.search.points.values()} == {
        old["version_id"],
        new["version_id"],
    }
    await bench.ingest(sweep_after_seconds=0).janitor.round()
    assert {each.chunk.version_id for each in bench.services.search.points.values()} == {new["version_id"]}
    assert (await bench.version(old))["indexed"] is False
    assert (await bench.version(new))["indexed"] is True


async def test_an_older_version_that_comes_late_is_not_shown(bench: Bench) -> None:
    collection = await bench.collection()
    old = await bench.document(collection, "old")
    await bench.sql("update jobs set run_after = now() + interval '1 hour'")
    new = await bench.document(collection, "new", of=old["document_id"])
    async with bench.working():
        await bench.ended(new)
        await bench.sql("update jobs set run_after = now()")
        job = await bench.ended(old)
        await until(lambda: _versions_are(bench, {new["version_id"]}))
    assert (job["status"], job["error"]["reason"]) == ("cancelled", "superseded")
    assert (await bench.version(old))["status"] == "superseded"
    document = await bench.document_row(new)
    assert (document["status"], document["version_id"], document["error"]) == ("ready", new["version_id"], None)


async def _left_open(bench: Bench, collection: str) -> tuple[dict[str, str], Any]:
    """A job whose worker died between intent and update."""
    for dies_at in range(20, 200):
        ids = await bench.document(collection, "left behind")
        await lived(bench, Mortal(dies_at), ids)
        flips = await bench.sql("select * from flips")
        if flips:
            return ids, flips[0]
        await bench.sql("delete from jobs where id = $1", ids["id"])
    raise AssertionError("no death left a flip open")


async def test_the_next_to_take_the_lock_finishes_what_another_left(bench: Bench) -> None:
    collection = await bench.collection()
    left, flip = await _left_open(bench, collection)
    assert left["version_id"] not in await bench.visible(collection)
    await bench.sql("update flips set created_at = now() - interval '1 hour'")
    ids = await bench.document(collection, "next")
    async with bench.working():
        await bench.ended(ids)
    shown = await bench.visible(collection)
    assert shown[left["version_id"]] == "left behind"
    assert shown[ids["version_id"]] == "next"
    assert (await bench.job(left))["status"] == "succeeded"
    assert (await bench.sql("select epoch from collections"))[0][0] == flip["epoch"] + 1


async def test_the_janitor_finishes_what_nobody_comes_by(bench: Bench) -> None:
    collection = await bench.collection()
    left, _ = await _left_open(bench, collection)
    janitor = bench.ingest().janitor
    await janitor.round()
    assert left["version_id"] not in await bench.visible(collection), "a fresh intent is its owner's"
    await bench.sql("update flips set created_at = now() - interval '1 hour'")
    await janitor.round()
    assert (await bench.visible(collection))[left["version_id"]] == "left behind"
    assert await bench.sql("select * from flips") == []
    assert (await bench.document_row(left))["status"] == "ready"


async def test_an_open_flip_is_gone_on_with_however_often_it_fails(bench: Bench) -> None:
    bench.services.search.stamp.hook = failing(1, errors.PermissionDenied("misconfigured"))
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    async with bench.working(job_max_attempts=1):
        await until(lambda: _queued(bench, ids))
        await bench.sql("update jobs set run_after = now()")
        job = await bench.ended(ids)
    assert (job["status"], job["dead"]) == ("succeeded", False)
    assert await bench.visible(collection) == {ids["version_id"]: "ab"}


async def test_many_jobs_of_one_collection_flip_one_after_another(bench: Bench) -> None:
    collection = await bench.collection()
    many = [await bench.document(collection, f"text {number}") for number in range(12)]
    first, second = bench.ingest(job_concurrency=3), bench.ingest(job_concurrency=3)
    async with bench.working(first), bench.working(second):
        for ids in many:
            assert (await bench.ended(ids))["status"] == "succeeded"
    assert (await bench.sql("select epoch from collections"))[0][0] == len(many)
    assert len(await bench.visible(collection)) == len(many)
    assert len(await bench.sql("select * from generations")) == 1


async def test_old_idempotency_keys_are_forgotten_and_one_failing_chore_hinders_none(bench: Bench) -> None:
    await bench.document(await bench.collection(), "waits")
    await bench.sql(
        "insert into idempotency_keys (organisation_id, key, request_hash, created_at) values"
        " ('org_a', 'old', 'h', now() - interval '25 hours'), ('org_a', 'new', 'h', now())"
    )

    async def broken() -> None:
        raise RuntimeError

    ingest = Ingest(MortalDatabase(bench.database, Mortal()), bench.blobs, bench.callees, bench.settings, Bell(None))
    ingest.janitor.add("broken", broken)
    await ingest.janitor.round()
    queue = {"queue": "document_processing"}
    assert REGISTRY.get_sample_value("jobs_total", {"state": "queued", **queue}) == 1
    assert (REGISTRY.get_sample_value("jobs_oldest_seconds", queue) or 0) > 0
    assert [row["key"] for row in await bench.sql("select key from idempotency_keys")] == ["new"]


async def _versions_are(bench: Bench, versions: set[str]) -> bool:
    return {each.chunk.version_id for each in bench.services.search.points.values()} == versions


async def _queued(bench: Bench, ids: dict[str, str]) -> bool:
    return (await bench.job(ids))["status"] == "queued" and bench.services.search.stamp.calls > 0


async def test_a_cancel_that_comes_behind_the_intent_is_too_late(bench: Bench) -> None:
    bench.services.search.stamp.hook = failing(10_000, errors.Overloaded("away"))
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    async with bench.working():
        await until(lambda: bench.sql("select * from flips"))
        await bench.sql("update jobs set cancel_requested = true")
        watched = await bench.sql("select lease_until from jobs")
        await until(lambda: bench.sql("select from jobs where lease_until > $1", watched[0][0]))
        bench.services.search.stamp.hook = lambda number: None
        job = await bench.ended(ids)
    assert job["status"] == "succeeded"
    assert await bench.visible(collection) == {ids["version_id"]: "ab"}
