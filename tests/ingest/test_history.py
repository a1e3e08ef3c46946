"""What a job's history says of its claims, and what is heard of it while it goes on."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.ingest.bench import Bench, book, until
from tests.ingest.test_queue import claim
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_gateway.bell import WORK, Bell
from lorekeep_gateway.ingest.endings import Endings
from lorekeep_gateway.ingest.leases import Lease
from lorekeep_gateway.ingest.news import News
from lorekeep_gateway.removal import Removal

STAGES = {"fetch", "parse", "embed", "index", "flip"}


class Heard(Bell):
    """A bell that counts what was rung."""

    def __init__(self) -> None:
        super().__init__(None)
        self.rung: Counter[str] = Counter()

    async def ring(self, topic: str) -> None:
        self.rung[topic] += 1
        await super().ring(topic)


async def _outcomes(bench: Bench, ids: dict[str, str]) -> list[tuple[str, str, Any]]:
    return [(run["outcome"], run["stage"], (run["error"] or {}).get("reason")) for run in await bench.runs(ids)]


async def test_a_run_that_succeeds_is_kept_with_the_time_of_its_stages(bench: Bench) -> None:
    ids = await bench.document(await bench.collection(), book(3))
    async with bench.working():
        job = await bench.ended(ids)
    (run,) = await bench.runs(ids)
    assert (run["number"], run["worker"], run["outcome"], run["stage"]) == (1, job["worker"], "succeeded", "flip")
    assert run["ended_at"] == job["finished_at"] >= run["started_at"]
    assert set(job["stage_seconds"]) == STAGES
    assert all(seconds > 0 for seconds in job["stage_seconds"].values())


async def test_each_failure_is_a_run_of_its_own(bench: Bench) -> None:
    bench.services.embedder.embed.hook = failing(99, errors.DeadlineExceeded("slow"))
    ids = await bench.document(await bench.collection(), "a\nb")
    async with bench.working():
        await bench.ended(ids)
    put_back, failed = ("put_back", "embed", "deadline_exceeded"), ("failed", "embed", "deadline_exceeded")
    assert await _outcomes(bench, ids) == [put_back, put_back, failed]


async def test_a_run_whose_lease_ran_out_ended_then(bench: Bench) -> None:
    ids = await bench.document(await bench.collection(), "a")
    await claim(bench)
    (expired,) = await bench.sql("update jobs set lease_until = now() - interval '9 seconds' returning lease_until")
    async with bench.working():
        await bench.ended(ids)
    lost, last = await bench.runs(ids)
    assert (lost["outcome"], lost["worker"], lost["ended_at"]) == ("lease_lost", "w", expired["lease_until"])
    assert (last["number"], last["outcome"]) == (2, "succeeded")


async def test_a_drained_run_is_handed_back_and_its_times_count_on(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"), at=2)
    ids = await bench.document(await bench.collection(), book(9))
    async with bench.working(drain_seconds=0.1):
        await until(lambda: _upserted(bench))
    first = (await bench.job(ids))["stage_seconds"]
    bench.services.search.upsert.hook = lambda number: None
    async with bench.working():
        job = await bench.ended(ids)
    assert [outcome for outcome, _, _ in await _outcomes(bench, ids)] == ["handed_back", "succeeded"]
    assert all(job["stage_seconds"][stage] >= seconds for stage, seconds in first.items())
    assert job["stage_seconds"]["embed"] > first["embed"]
    assert set(first) < STAGES


async def test_a_removal_closes_the_run_of_whoever_is_at_it(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "a")
    await claim(bench)
    removal = Removal(bench.database, bench.blobs, bench.callees, "org_a")
    await removal.document(collection, ids["document_id"])
    assert [outcome for outcome, _, _ in await _outcomes(bench, ids)] == ["cancelled"]


async def _claimed(bench: Bench) -> tuple[Endings, Lease, Any]:
    await bench.document(await bench.collection(), "a")
    job = await claim(bench)
    endings = Endings(bench.database, bench.ingest().sweeps, bench.settings, Bell(None))
    return endings, Lease(bench.database, job, 60), job


@pytest.mark.parametrize("error", [errors.DeadlineExceeded("slow"), errors.Unavailable("away")])
async def test_a_cancelled_job_is_not_put_back(bench: Bench, error: errors.LorekeepError) -> None:
    endings, lease, job = await _claimed(bench)
    await bench.sql("update jobs set cancel_requested = true")
    await endings.failed(job, lease, error, "embed", late=False)
    assert (await bench.job(job))["status"] == "cancelled"
    assert await _outcomes(bench, job) == [("cancelled", "fetch", "cancelled")]


async def test_a_cancel_that_meets_a_job_being_put_back_ends_it(bench: Bench) -> None:
    _, lease, job = await _claimed(bench)

    async def cancel() -> None:
        async with bench.database.transaction() as session:
            await session("job_cancel", organisation_id="org_a", id=job["id"])

    async with lease.transaction() as session:
        await lease.write(session, "release_job", pause_seconds=60.0)
        cancelling = asyncio.create_task(cancel())
        await until(lambda: bench.sql("select from pg_stat_activity where wait_event_type = 'Lock'"))
    await cancelling
    assert (await bench.job(job))["status"] == "cancelled"


async def test_many_changes_are_few_rings() -> None:
    bell = Heard()
    news = News(bell, "job_x")
    telling = asyncio.create_task(news.run())
    with bell.listening("job_x") as rung:
        for _ in range(100):
            news.changed()
            await asyncio.sleep(0)
        await asyncio.wait_for(rung.wait(), 10)
    telling.cancel()
    assert bell.rung == {"job_x": 1}


async def test_the_end_of_a_job_is_rung_and_one_that_is_handed_back_calls_workers(bench: Bench) -> None:
    bell = Heard()
    await bench.document(await bench.collection(), "a")
    job = await claim(bench)
    endings = Endings(bench.database, bench.ingest().sweeps, bench.settings, bell)
    await endings.released(job, Lease(bench.database, job, 60), pause_seconds=0.0)
    assert bell.rung == {job["id"]: 1, WORK: 1}
    async with bench.working(bench.ingest(bell=bell)):
        await bench.ended(job)
        await until(lambda: _rung(bell, job["id"]))


async def _rung(bell: Heard, topic: str) -> bool:
    return bell.rung[topic] > 1


async def _upserted(bench: Bench) -> bool:
    return bench.services.search.upsert.calls > 2


async def test_a_worker_that_lost_its_job_writes_no_times_when_it_ends_the_flip(bench: Bench) -> None:
    _, lease, job = await _claimed(bench)
    await bench.sql("update jobs set lease_until = now() - interval '1 second', stage_seconds = '{\"parse\": 7}'")
    await claim(bench)
    async with bench.database.session() as session:
        await session("succeed_job", job_id=job["id"], organisation_id="org_a", **lease.times())
    ended = await bench.job(job)
    assert (ended["status"], ended["stage_seconds"]) == ("succeeded", {"parse": 7})
