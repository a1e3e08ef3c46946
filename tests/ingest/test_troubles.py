"""Dependencies that fail, documents that are withdrawn, processes that end."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.ingest.bench import Bench, book, plain, until

from lorekeep_chassis import errors


def failing(times: int, error: errors.LorekeepError, at: int = 1) -> Any:
    """A hook that raises at calls `at` to `at + times - 1`."""

    def hook(number: int) -> None:
        if at <= number < at + times:
            raise error

    return hook


@pytest.mark.parametrize(
    ("part", "kind", "at"),
    [
        ("parser.parse", errors.Overloaded, 1),
        ("parser.batch", errors.Unavailable, 2),
        ("embedder.embed", errors.Overloaded, 2),
        ("search.upsert", errors.Unavailable, 2),
        ("search.stamp", errors.Overloaded, 1),
    ],
)
async def test_a_dependency_that_is_away_is_waited_for_without_counting(
    bench: Bench, part: str, kind: type[errors.LorekeepError], at: int
) -> None:
    service, hooks = part.split(".")
    getattr(getattr(bench.services, service), hooks).hook = failing(5, kind("away", retry_after_seconds=0.01), at)
    collection = await bench.collection()
    ids = await bench.document(collection, book(5))
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["attempt"]) == ("succeeded", 1), job["error"]
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}
    assert set(bench.services.search.written.values()) == {1}


async def test_an_outage_of_the_index_repeats_no_embedding(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(5, errors.Overloaded("away"))
    collection = await bench.collection()
    ids = await bench.document(collection, book(5))
    async with bench.working():
        await bench.ended(ids)
    texts = bench.services.embedder.texts
    assert len(texts) == len(set(texts)) == 8


async def test_a_restart_of_postgres_costs_no_attempt(bench: Bench) -> None:
    before = REGISTRY.get_sample_value("ingest_retries_total", {"stage": "index"}) or 0
    collection = await bench.collection()
    ids = await bench.document(collection, book(30))
    async with bench.working():
        for _ in range(5):
            await bench.sql(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.03)
        job = await bench.ended(ids)
    assert (job["status"], job["dead"]) == ("succeeded", False), job["error"]
    assert (REGISTRY.get_sample_value("ingest_retries_total", {"stage": "index"}) or 0) == before
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(30))}


async def test_what_fails_each_time_is_dead_after_its_attempts(bench: Bench) -> None:
    bench.services.embedder.embed.hook = failing(99, errors.DeadlineExceeded("slow"))
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["dead"], job["attempt"], job["stage"]) == ("failed", True, 3, "embed")
    assert job["error"] == {"reason": "deadline_exceeded", "message": "slow"}
    assert bench.services.embedder.embed.calls == 3
    assert (await bench.document_row(ids))["error"]["reason"] == "deadline_exceeded"


async def test_attempts_start_over_when_the_checkpoint_moves(bench: Bench) -> None:
    """Two failures before each of five checkpoints: ten in all, never three of one place."""
    failed: list[int] = []

    def hook(number: int) -> None:
        if failed.count(len(bench.services.search.points)) < 2:
            failed.append(len(bench.services.search.points))
            raise errors.DeadlineExceeded("slow")

    bench.services.search.upsert.hook = hook
    collection = await bench.collection()
    ids = await bench.document(collection, book(6))
    async with bench.working(embed_batch_chunks=4):
        job = await bench.ended(ids)
    assert (job["status"], job["dead"]) == ("succeeded", False)
    assert len(failed) == 10
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(6))}


async def test_waiting_ends_with_the_jobs_time(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"))
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    async with bench.working(job_deadline_seconds=1.0):
        job = await bench.ended(ids)
    assert (job["status"], job["dead"], job["error"]["reason"]) == ("failed", True, "deadline_exceeded")


async def test_a_parser_that_says_nothing_is_a_failure_of_its_stage(bench: Bench) -> None:
    bench.services.parser.parse.hangs = True
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    async with bench.working(stage_deadline_seconds=0.2):
        job = await bench.ended(ids)
    assert (job["error"]["reason"], job["dead"], job["stage"]) == ("parse_timeout", True, "parse")


async def test_a_cancelled_job_ends_and_leaves_nothing(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"), at=3)
    collection = await bench.collection()
    ids = await bench.document(collection, book(9))
    async with bench.working():
        await until(lambda: _indexed(bench))
        await bench.sql("update jobs set cancel_requested = true")
        job = await bench.ended(ids)
        await until(lambda: _empty(bench))
    assert (job["status"], job["error"]["reason"], job["dead"]) == ("cancelled", "cancelled", False)
    document = await bench.document_row(ids)
    assert (document["status"], document["error"]["reason"]) == ("failed", "cancelled")


async def test_a_failed_version_leaves_the_ready_one_in_place(bench: Bench) -> None:
    collection = await bench.collection()
    old = await bench.document(collection, "old text")
    async with bench.working():
        await bench.ended(old)
        new = await bench.document(collection, "ENCRYPTED", of=old["document_id"])
        await bench.ended(new)
    document = await bench.document_row(new)
    assert (document["status"], document["version_id"]) == ("ready", old["version_id"])
    assert document["error"]["reason"] == "encrypted"
    assert await bench.visible(collection) == {old["version_id"]: "old text"}


async def test_a_document_deleted_meanwhile_is_not_shown(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"), at=2)
    collection = await bench.collection()
    ids = await bench.document(collection, book(5))
    async with bench.working():
        await until(lambda: _indexed(bench))
        await bench.sql("update documents set status = 'deleting'")
        job = await bench.ended(ids)
        await until(lambda: _empty(bench))
    assert (job["status"], job["error"]["reason"]) == ("cancelled", "deleted")
    assert (await bench.document_row(ids))["status"] == "deleting"


async def test_a_job_whose_rows_are_removed_clears_up_behind_itself(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"), at=2)
    collection = await bench.collection()
    await bench.document(collection, book(5))
    async with bench.working():
        await until(lambda: _indexed(bench))
        await bench.sql("with j as (delete from jobs), v as (delete from versions) delete from documents")
        await until(lambda: _empty(bench))
    assert await bench.sql("select * from jobs") == []


async def test_drain_hands_the_job_back_at_its_next_checkpoint(bench: Bench) -> None:
    held, away = asyncio.Event(), failing(10_000, errors.Overloaded("away"), at=2)
    bench.services.search.upsert.hook = lambda number: None if held.is_set() else away(number)
    collection = await bench.collection()
    ids = await bench.document(collection, book(9))
    ingest = bench.ingest()
    async with bench.working(ingest):
        await until(lambda: _indexed(bench))
        drained = asyncio.create_task(ingest.worker.drain())
        await asyncio.sleep(0)
        held.set()
        await drained
    job = await bench.job(ids)
    assert (job["status"], job["attempt"], job["lease_token"]) == ("queued", 0, None)
    assert 0 < job["checkpoint"]["chunks"] < 14
    async with bench.working():
        assert (await bench.ended(ids))["status"] == "succeeded"
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(9))}


async def test_drain_does_not_wait_longer_than_it_may(bench: Bench) -> None:
    bench.services.embedder.embed.hook = failing(10_000, errors.Overloaded("away"))
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    async with bench.working(drain_seconds=0.2):
        await until(lambda: _called(bench))
    job = await bench.job(ids)
    assert (job["status"], job["attempt"]) == ("queued", 0)


async def _indexed(bench: Bench) -> bool:
    return bool(bench.services.search.points)


async def _empty(bench: Bench) -> bool:
    return not bench.services.search.points


async def _called(bench: Bench) -> bool:
    return bench.services.embedder.embed.calls > 1


async def test_a_document_that_is_refused_at_once_ends_with_the_reason_of_the_refusal(bench: Bench) -> None:
    """A call that ends while bytes are on their way would lose the reason, so none are sent before it is accepted."""
    bench.services.parser.parse.hook = failing(10_000, errors.InvalidInput("Locked.", reason="encrypted"))
    collection = await bench.collection()
    ids = [await bench.document(collection, f"{number} " + "x" * 4_000_000) for number in range(20)]
    async with bench.working():
        ends = [await bench.ended(each) for each in ids]
    assert [(each["error"]["reason"], each["attempt"]) for each in ends] == [("encrypted", 1)] * 20
    assert bench.services.parser.parse.calls == 20
