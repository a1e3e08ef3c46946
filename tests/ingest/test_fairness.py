"""Who is claimed next when one organisation has filled the queue, and what that costs; shown by counting."""

import json
from typing import Any

import pytest
from tests.ingest.bench import Bench
from tests.ingest.test_queue import claim

SLOTS = 8
CLAIM = {"worker": "w", "lease_seconds": 60.0, "job_deadline_seconds": 60.0}


async def _fill(bench: Bench, organisation: str, jobs: int) -> None:
    """As many waiting jobs as given, all older than any that comes later."""
    ids = await bench.document(await bench.collection(organisation), organisation)
    await bench.sql(
        "insert into jobs (id, organisation_id, collection_id, document_id, version_id, actor, created_at)"
        " select gen_random_uuid(), organisation_id, collection_id, document_id, version_id, actor,"
        " now() - interval '1 day' from jobs, generate_series(1, $2) n where id = $1",
        ids["id"],
        jobs - 1,
    )


async def _finish(bench: Bench, job: Any) -> None:
    """Ends a running job, as its worker would."""
    async with bench.database.session() as session:
        await session("end_job", id=job["id"], lease_token=job["lease_token"], status="failed", stage=None, dead=False,
                      error={}, max_attempts=3, stage_seconds={})  # fmt: skip


@pytest.mark.parametrize("others_count", [1, 9])
async def test_another_organisations_document_waits_for_no_more_than_what_runs(bench: Bench, others_count: int) -> None:
    """Eight slots are full of one organisation's 10,000 documents when others each bring one: the slots that come free
    take those. The large organisation, too, has its turn once it runs no more than they do."""
    await _fill(bench, "org_big", 10_000)
    await bench.sql("analyze jobs")
    running = [await claim(bench) for _ in range(SLOTS)]
    assert {job["organisation_id"] for job in running} == {"org_big"}
    others = [f"org_{number}" for number in range(others_count)]
    for each in others:
        await bench.document(await bench.collection(each), "the only one", lane="bulk")
    claimed: list[str] = []
    while set(others) - set(claimed):
        await _finish(bench, running.pop(0))
        running.append(await claim(bench))
        claimed.append(running[-1]["organisation_id"])
    assert claimed.count("org_big") == (others_count > SLOTS)


async def test_the_slots_are_shared_evenly_while_all_have_work(bench: Bench) -> None:
    await _fill(bench, "org_big", 100)
    for number in range(3):
        await _fill(bench, f"org_{number}", 20)
    claimed = [(await claim(bench))["organisation_id"] for _ in range(SLOTS)]
    assert sorted(claimed) == sorted(2 * ["org_0", "org_1", "org_2", "org_big"])


@pytest.mark.parametrize("queue", ["document_processing", "reindex"])
async def test_a_job_of_any_queue_is_claimed(bench: Bench, queue: str) -> None:
    ids = await bench.document(await bench.collection(), "a")
    await bench.sql("update jobs set queue = $1", queue)
    assert (await claim(bench))["id"] == ids["id"]


async def _rows_of_a_claim(bench: Bench) -> int:
    """Rows of tables that a claim reads, over all loops of its plan."""

    def rows(node: dict[str, Any]) -> float:
        own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        return float(("Relation Name" in node) * own + sum(rows(each) for each in node.get("Plans", [])))

    async with bench.database.transaction() as session:
        session._connection = _Explaining(session._connection)
        (plan,) = json.loads((await session("claim_job", **CLAIM))[0])
    return round(rows(plan["Plan"]))


class _Explaining:
    """Stands where a connection stands, and explains what it runs."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetchrow(self, sql: str, *values: object) -> Any:
        return await self._connection.fetchrow(f"explain (analyze, format json) {sql}", *values)


async def test_the_claim_of_a_long_queue_touches_no_more_rows_than_that_of_a_short_one(bench: Bench) -> None:
    await _fill(bench, "org_a", 100)
    await _fill(bench, "org_b", 100)
    await bench.sql("analyze jobs")
    short = await _rows_of_a_claim(bench)
    for organisation in ("org_a", "org_b"):
        await _fill(bench, organisation, 9_900)
    await bench.sql("vacuum analyze jobs")
    long = await _rows_of_a_claim(bench)
    assert long <= short
    assert long < 100
