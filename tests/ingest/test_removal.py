"""Removal beside ingest: whatever is under way, what was deleted goes, all of it, and nothing else does."""

import asyncio
from typing import Any

import pytest
from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.services import Hook

from lorekeep_chassis import errors
from lorekeep_gateway.removal import Removal, sweep


def away_after(calls: int) -> Hook:
    """A service that answers so many calls and no more."""

    def hook(number: int) -> None:
        if number > calls:
            raise errors.Overloaded("Full.")

    return hook


def _removal(bench: Bench) -> Removal:
    return Removal(bench.database, bench.blobs, bench.callees, "org_a")


async def _swept(bench: Bench) -> int:
    return await sweep(bench.database, bench.blobs, bench.callees, older_than_seconds=0)


async def _leases_end(bench: Bench) -> None:
    await bench.sql("update jobs set lease_until = now() where status = 'cancelled'")


async def _left(bench: Bench) -> dict[str, int]:
    tables = ("documents", "versions", "jobs", "flips")
    counts = {table: len(await bench.sql(f"select from {table}")) for table in tables}
    kept = [each async for portion in bench.blobs.listed("org_a") for each in portion]
    return {**counts, "points": len(bench.services.search.points), "files": len(kept)}


NOTHING = {"documents": 0, "versions": 0, "jobs": 0, "flips": 0, "points": 0, "files": 0}


async def test_a_document_goes_while_its_job_runs(bench: Bench) -> None:
    collection = await bench.collection()
    made = await bench.document(collection, book(8))
    upsert = bench.services.search.upsert
    upsert.hook = away_after(1)
    async with bench.working():
        await until(lambda: _points(bench))
        receipt = await _removal(bench).document(collection, made["document_id"])
        assert (receipt.finished, receipt.documents) == (False, 0)
        assert receipt.chunks > 0 or not bench.services.search.points, "its worker may have removed them already"
        assert (await bench.document_row(made))["status"] == "deleting"
        upsert.hook = lambda number: None
        assert await _swept(bench) == 0, "its worker may take itself for the owner still"
    assert (await bench.job(made))["status"] == "cancelled"
    await _leases_end(bench)
    assert await _swept(bench) == 1
    assert await _left(bench) == NOTHING


async def test_a_document_goes_while_it_is_being_shown(bench: Bench) -> None:
    collection = await bench.collection()
    made = await bench.document(collection, book(2))
    bench.services.search.stamp.hook = away_after(0)
    async with bench.working():
        await until(lambda: bench.sql("select from flips"))
        assert not (await _removal(bench).document(collection, made["document_id"])).finished
        bench.services.search.stamp.hook = lambda number: None
        await bench.sql("update flips set created_at = now() - interval '1 hour'")
        await bench.ingest().flips.finish_overdue()
        assert (await bench.job(made))["status"] == "cancelled"
        await _leases_end(bench)
        assert await _swept(bench) == 1
        assert await _left(bench) == NOTHING
        next_one = await bench.document(collection, book(1))
        assert (await bench.ended(next_one))["status"] == "succeeded"
    assert await bench.visible(collection) == {next_one["version_id"]: plain(book(1))}


async def test_a_flip_whose_collection_is_gone_ends(bench: Bench) -> None:
    collection = await bench.collection()
    await bench.document(collection, book(2))
    bench.services.search.stamp.hook = away_after(0)
    async with bench.working():
        await until(lambda: bench.sql("select from flips"))
        (flip,) = await bench.sql("select * from flips")
        await _removal(bench).collection(collection)
        await _leases_end(bench)
        assert await _swept(bench) == 1
        bench.services.search.stamp.hook = lambda number: None
        await bench.ingest().flips.finish(flip)
    assert await _left(bench) == NOTHING


async def test_a_lease_that_a_deleted_document_left_holds_for_its_collection(bench: Bench) -> None:
    collection = await bench.collection()
    made = await bench.document(collection, book(8))
    bench.services.search.upsert.hook = away_after(1)
    async with bench.working():
        await until(lambda: _points(bench))
        await _removal(bench).document(collection, made["document_id"])
        assert not (await _removal(bench).collection(collection)).finished
        assert len(await bench.sql("select from documents")) == 1
    await _leases_end(bench)
    assert await _swept(bench) == 1
    assert await _left(bench) == NOTHING


async def test_two_who_delete_at_once_remove_once(bench: Bench) -> None:
    collection = await bench.collection()
    made = await bench.document(collection, book(2))
    async with bench.working():
        await bench.ended(made)
    removal = _removal(bench)
    ends: list[Any] = await asyncio.gather(
        *(removal.document(collection, made["document_id"]) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in ends) == ["NotFound", "NotFound", "NotFound", "Receipt"]
    with pytest.raises(errors.NotFound):
        await removal.document(collection, made["document_id"])
    assert await _left(bench) == NOTHING


async def test_two_who_finish_at_once_count_once(bench: Bench) -> None:
    collection = await bench.collection()
    made = [await bench.document(collection, f"text {number}") for number in range(3)]
    async with bench.working():
        for each in made:
            await bench.ended(each)
    bench.services.search.remove.hook = away_after(0)
    assert not (await _removal(bench).collection(collection)).finished
    bench.services.search.remove.hook = lambda number: None
    ends = await asyncio.gather(*(_removal(bench).finish(collection, None) for _ in range(3)))
    assert all(each.finished for each in ends)
    assert await _left(bench) == NOTHING
    (stone,) = await bench.sql("select * from tombstones")
    assert (stone["removed"]["documents"], stone["removed"]["versions"], stone["removed"]["chunks"]) == (3, 3, 3)
    assert stone["spaces"][0]["fingerprint"] == "tiny@1"
    events = await bench.sql("select event_type from audit_logs where event_type = 'collection.removed'")
    assert len(events) == 1


async def _points(bench: Bench) -> bool:
    return bool(bench.services.search.points)
