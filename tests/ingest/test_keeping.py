"""What is swept with time: old jobs, deliveries, audit entries, workers that went; and what the queue's gauges say."""

import asyncio
from typing import Any

from prometheus_client import REGISTRY
from tests.ingest.bench import Bench, until
from tests.ingest.test_history import Heard

from lorekeep_gateway.bell import WORK
from lorekeep_gateway.ingest.presence import Presence
from lorekeep_gateway.ingest.retention import Retention


def _gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def _ended_long_ago(bench: Bench, ids: dict[str, str], days: int = 31) -> None:
    await bench.sql(
        "update jobs set status = 'failed', finished_at = now() - $2 * interval '1 day',"
        " created_at = now() - $2 * interval '1 day' where id = $1",
        ids["id"],
        days,
    )


async def test_old_jobs_go_but_never_the_newest_of_a_document(bench: Bench) -> None:
    collection = await bench.collection()
    first = await bench.document(collection, "a")
    second = await bench.document(collection, "b", of=first["document_id"])
    alone, fresh = await bench.document(collection, "c"), await bench.document(collection, "d")
    for ids in (first, second, alone):
        await _ended_long_ago(bench, ids, 31)
    await bench.document(collection, "e", of=fresh["document_id"])
    await _ended_long_ago(bench, fresh, 29)
    await _ended_long_ago(bench, second, 30)
    assert (await Retention(bench.database, 30).run())["jobs"] == 1
    kept = {row["id"] for row in await bench.sql("select id from jobs")}
    assert first["id"] not in kept
    assert {second["id"], alone["id"], fresh["id"]} <= kept


async def test_old_jobs_go_in_portions_with_their_runs(bench: Bench) -> None:
    ids = await bench.document(await bench.collection(), "a")
    await bench.sql(
        "insert into jobs (id, organisation_id, collection_id, document_id, version_id, actor, status, finished_at,"
        " created_at) select 'job_' || n, organisation_id, collection_id, document_id, version_id, actor, 'failed',"
        " now() - interval '40 days', now() - interval '40 days' from jobs, generate_series(1, 2500) n where id = $1",
        ids["id"],
    )
    await bench.sql(
        "insert into job_runs (job_id, organisation_id, number, worker) select id, 'org_a', 1, 'w' from jobs"
    )
    assert (await Retention(bench.database, 30).run())["jobs"] == 2500
    assert [row["id"] for row in await bench.sql("select id from jobs")] == [ids["id"]]
    assert len(await bench.sql("select from job_runs")) == 1


async def test_old_deliveries_and_audit_entries_go(bench: Bench) -> None:
    await bench.collection()
    await bench.sql(
        "insert into webhooks (id, organisation_id, workspace_id, url, secret, events, actor)"
        " values ('w', 'org_a', 'ws_org_a', 'https://x', 's', '{}', 'k')"
    )
    await bench.sql(
        "insert into webhook_deliveries (id, organisation_id, webhook_id, event, payload, ended_at) values"
        " ('old', 'org_a', 'w', 'e', '{}', now() - interval '31 days'), ('new', 'org_a', 'w', 'e', '{}', now()),"
        " ('waiting', 'org_a', 'w', 'e', '{}', null)"
    )
    await bench.sql(
        "insert into audit_logs (organisation_id, occurred_at, event_type, actor, success)"
        " select 'org_a', now() - n * interval '100 days', n::text, 'k', true from generate_series(5, 1, -1) n"
    )
    done = await Retention(bench.database, 30).run()
    assert done == {"jobs": 0, "webhook_deliveries": 1, "audit_logs": 2}
    assert {row["id"] for row in await bench.sql("select id from webhook_deliveries")} == {"new", "waiting"}
    assert [row["event_type"] for row in await bench.sql("select * from audit_logs order by 1")] == ["3", "2", "1"]


async def test_the_janitor_retains_once_an_hour_and_forgets_workers(bench: Bench) -> None:
    await bench.sql("insert into workers (name, version, concurrency, seen_at) values ('old', '1', 4, now() - interval"
                    " '61 minutes'), ('silent', '1', 4, now() - interval '59 minutes')")  # fmt: skip
    await bench.ingest().janitor.round()
    assert [row["name"] for row in await bench.sql("select name from workers")] == ["silent"]
    (chore,) = await bench.sql("select * from chores")
    assert (chore["name"], chore["result"]["jobs"]) == ("retention", 0)


async def test_a_worker_is_there_while_it_lives_and_says_that_it_drains(bench: Bench) -> None:
    ingest = bench.ingest()
    presence = Presence(bench.database, ingest.worker, 4, "1.2.3")
    beating = asyncio.create_task(presence.run())
    row = (await until(lambda: bench.sql("select * from workers")))[0]
    assert (row["name"], row["version"], row["concurrency"]) == (ingest.worker.name, "1.2.3", 4)
    assert (row["running"], row["draining"]) == (0, False)
    await ingest.worker.drain()
    await until(lambda: bench.sql("select from workers where draining"))
    beating.cancel()
    await presence.left()
    assert await bench.sql("select from workers") == []


async def test_the_gauges_tell_of_the_queue(bench: Bench) -> None:
    collection = await bench.collection()
    waiting = [await bench.document(collection, f"{number}") for number in range(3)]
    await bench.sql("update jobs set queue = 'reindex', created_at = now() - interval '1 hour' where id = $1",
                    waiting[0]["id"])  # fmt: skip
    await bench.sql("update jobs set status = 'failed', dead = true where id = $1", waiting[1]["id"])
    await bench.ingest().janitor.round()
    document, reindex = {"queue": "document_processing"}, {"queue": "reindex"}
    assert _gauge("jobs_total", state="queued", **document) == 1
    assert _gauge("jobs_total", state="failed", **document) == 1
    assert _gauge("jobs_total", state="succeeded", **document) == 0
    assert _gauge("jobs_total", state="queued", **reindex) == 1
    assert _gauge("jobs_dead", **document) == 1
    assert (_gauge("jobs_oldest_seconds", **reindex) or 0) >= 3600
    assert _gauge("jobs_oldest_seconds", queue="maintenance") == 0


async def test_the_janitor_calls_workers_where_something_is_due(bench: Bench) -> None:
    bell = Heard()
    collection = await bench.collection()
    await bench.document(collection, "a")
    await bench.sql("update jobs set run_after = now() + interval '1 minute'")
    janitor = bench.ingest(bell=bell).janitor
    await janitor.round()
    assert bell.rung[WORK] == 0
    await bench.sql("update jobs set run_after = now()")
    await janitor.round()
    assert bell.rung[WORK] == 1


async def test_documents_are_counted_by_status_and_type(bench: Bench) -> None:
    def counted(status: str, kind: str) -> float:
        return _gauge("documents_processed_total", status=status, type=kind) or 0

    before = counted("succeeded", "text/plain"), counted("failed", "other")
    collection = await bench.collection()
    good, bad = await bench.document(collection, "a"), await bench.document(collection, "ENCRYPTED")
    await bench.sql("update versions set media_type = 'x/y' where id = $1", bad["version_id"])
    async with bench.working():
        jobs: list[Any] = [await bench.ended(ids) for ids in (good, bad)]
    assert [job["status"] for job in jobs] == ["succeeded", "failed"]
    assert await _grown(lambda: (counted("succeeded", "text/plain"), counted("failed", "other")), before)


async def _grown(count: Any, before: tuple[float, ...]) -> bool:
    async def grown() -> bool:
        return bool(count() == tuple(each + 1 for each in before))

    return bool(await until(grown))
