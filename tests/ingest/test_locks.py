"""Transactions that hold the same rows take them in one order; one that lost a deadlock all the same is repeated."""

import asyncio
from typing import Any

from tests.ingest.bench import Bench, until
from tests.ingest.test_late_requests import Before
from tests.ingest.test_queue import claim

from lorekeep_chassis import errors
from lorekeep_gateway.ingest.leases import Lease
from lorekeep_gateway.removal import Removal


async def _waiting(bench: Bench) -> Any:
    return await bench.sql("select from pg_locks where not granted")


async def test_a_delete_waits_for_the_worker_that_writes_to_the_document(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "a")
    job = await claim(bench)
    removal = Removal(bench.database, bench.blobs, bench.callees, "org_a")
    async with Lease(bench.database, job, 60).transaction() as worker:
        deleting = asyncio.create_task(removal.document(collection, ids["document_id"]))
        await until(lambda: _waiting(bench))
        await worker("begin_version", version_id=job["version_id"], organisation_id="org_a")
    await deleting
    assert (await bench.job(ids))["status"] == "cancelled"
    assert (await bench.document_row(ids))["status"] == "deleting"


async def test_a_delete_waits_for_the_flip_that_shows_the_document(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "a")
    removal = Removal(bench.database, bench.blobs, bench.callees, "org_a")
    deleting: list[asyncio.Task[Any]] = []

    async def delete() -> None:
        deleting.append(asyncio.create_task(removal.document(collection, ids["document_id"])))
        await until(lambda: _waiting(bench))

    async with bench.working(bench.ingest(Before(bench.database, "succeed_job", delete))):
        await until(lambda: _has(deleting))
        await deleting[0]
    assert [run["outcome"] for run in await bench.runs(ids)] in ([], ["succeeded"])
    assert not await bench.sql("select from flips")


async def _has(tasks: list[Any]) -> bool:
    return bool(tasks)


async def test_the_loser_of_a_deadlock_is_told_to_try_again(bench: Bench) -> None:
    made = [await bench.document(await bench.collection(), "a") for _ in range(2)]

    async def both(first: dict[str, str], second: dict[str, str], met: asyncio.Barrier) -> None:
        async with bench.database.transaction() as session:
            await session("removal_hold_document", organisation_id="org_a", document_id=first["document_id"])
            await met.wait()
            await session("removal_hold_document", organisation_id="org_a", document_id=second["document_id"])

    met = asyncio.Barrier(2)
    ends = await asyncio.gather(both(*made, met), both(*made[::-1], met), return_exceptions=True)
    (lost,) = [each for each in ends if each is not None]
    assert isinstance(lost, errors.Unavailable), lost
