"""The claim's order, and what a token is worth."""

import asyncio
from typing import Any

import pytest
from tests.ingest.bench import Bench, until

from lorekeep_gateway.ingest.checkpoints import Checkpoint
from lorekeep_gateway.ingest.leases import Lease, LeaseLost, Withdrawn


async def claim(bench: Bench) -> Any:
    async with bench.database.session() as session:
        return await session("claim_job", worker="w", lease_seconds=60.0, job_deadline_seconds=60.0)


async def test_the_organisation_with_the_fewest_running_jobs_goes_first(bench: Bench) -> None:
    first, second = await bench.collection("org_a"), await bench.collection("org_b")
    many = [await bench.document(first, f"a{number}") for number in range(12)]
    one = await bench.document(second, "b")
    claimed = [(await claim(bench))["id"] for _ in range(3)]
    assert claimed == [many[0]["id"], one["id"], many[1]["id"]]


async def test_interactive_goes_before_bulk_and_the_oldest_first(bench: Bench) -> None:
    collection = await bench.collection()
    bulk = [await bench.document(collection, f"b{number}") for number in range(2)]
    interactive = [await bench.document(collection, f"i{number}", lane="interactive") for number in range(2)]
    claimed = [(await claim(bench))["id"] for _ in range(4)]
    assert claimed == [each["id"] for each in (*interactive, *bulk)]
    assert await claim(bench) is None


async def test_no_job_is_claimed_twice(bench: Bench) -> None:
    collection = await bench.collection()
    ids = {(await bench.document(collection, f"{number}"))["id"] for number in range(20)}
    claimed: list[str] = []

    async def claimer() -> None:
        while (job := await claim(bench)) is not None or len(claimed) < len(ids):
            claimed.extend([job["id"]] if job else [])

    await asyncio.gather(*(claimer() for _ in range(4)))
    assert sorted(claimed) == sorted(ids)


async def test_a_job_that_backs_off_is_not_claimed_before_its_time(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "a")
    await bench.sql("update jobs set run_after = now() + interval '1 hour' where id = $1", ids["id"])
    assert await claim(bench) is None


async def test_a_lease_that_ran_out_is_taken_over_and_counted(bench: Bench) -> None:
    collection = await bench.collection()
    await bench.document(collection, "a")
    first = await claim(bench)
    assert await claim(bench) is None
    await bench.sql("update jobs set lease_until = now() - interval '1 second'")
    second = await claim(bench)
    assert (first["id"], first["attempt"], second["attempt"]) == (second["id"], 1, 2)
    assert first["lease_token"] != second["lease_token"]


async def _stale(bench: Bench) -> tuple[Lease, Any]:
    """A lease whose job another worker has taken over."""
    collection = await bench.collection()
    await bench.document(collection, "a")
    job = await claim(bench)
    await bench.sql("update jobs set lease_until = now() - interval '1 second'")
    await claim(bench)
    return Lease(bench.database, job, 60), job


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("extend_lease", {"lease_seconds": 60.0}),
        ("enter_stage", {"stage": "index"}),
        ("retry_job", {"stage": "index", "error": {}, "pause_seconds": 1.0}),
        ("release_job", {"pause_seconds": 1.0}),
        ("end_job", {"status": "failed", "stage": None, "dead": True, "error": {}, "max_attempts": 3}),
        ("hold_job", {}),
    ],
)
async def test_a_stale_token_writes_nothing(bench: Bench, query: str, parameters: dict[str, Any]) -> None:
    lease, job = await _stale(bench)
    before = await bench.job(job), await bench.runs(job)
    async with bench.database.session() as session:
        with pytest.raises(LeaseLost):
            await lease.write(session, query, **parameters)
    assert (await bench.job(job), await bench.runs(job)) == before


async def test_a_stale_worker_moves_no_checkpoint_and_writes_no_version(bench: Bench) -> None:
    lease, job = await _stale(bench)
    before = await bench.job(job)
    async with bench.database.session() as session:
        with pytest.raises(LeaseLost):
            await lease.move(session, Checkpoint(chunks=9), [])
    with pytest.raises(LeaseLost):
        async with lease.transaction() as session:
            await session("retire_version", version_id=job["version_id"], organisation_id="org_a", status="failed")
    assert await bench.job(job) == before
    assert (await bench.version({"version_id": job["version_id"]}))["status"] == "pending"


async def test_a_watch_ends_when_the_lease_is_lost(bench: Bench) -> None:
    lease, _ = await _stale(bench)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(lease.watch(), 10)


async def test_a_watch_extends_the_lease_and_sees_a_cancel(bench: Bench) -> None:
    collection = await bench.collection()
    await bench.document(collection, "a")
    job = await claim(bench)
    lease = Lease(bench.database, job, 0.9)
    watch = asyncio.create_task(lease.watch())
    await bench.sql("update jobs set lease_until = now() - interval '1 second'")
    await until(lambda: bench.sql("select from jobs where lease_until > now()"))
    await bench.sql("update jobs set cancel_requested = true")
    with pytest.raises(Withdrawn):
        await asyncio.wait_for(watch, 10)


async def test_a_lease_that_a_pause_outlived_is_not_trusted(bench: Bench) -> None:
    collection = await bench.collection()
    await bench.document(collection, "a")
    lease = Lease(bench.database, await claim(bench), 0.0)
    with pytest.raises(LeaseLost):
        lease.require()
