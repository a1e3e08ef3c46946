"""Chores that one process of all does."""

import asyncio

import pytest
from tests.ingest.bench import Bench

from lorekeep_chassis import errors
from lorekeep_gateway.ingest.chores import Chores


class Count:
    """A chore that counts how often it was done."""

    def __init__(self) -> None:
        self.done = 0

    async def run(self) -> dict[str, int]:
        self.done += 1
        return {"done": self.done}

    async def due(self, bench: Bench, every_seconds: float = 3600) -> bool:
        return await Chores(bench.database).due("count", every_seconds=every_seconds, lease_seconds=60, run=self.run)


async def _aged(bench: Bench, seconds: int) -> None:
    await bench.sql(
        "update chores set last_began_at = last_began_at - $1 * interval '1 second',"
        " last_ended_at = last_ended_at - $1 * interval '1 second',"
        " lease_until = lease_until - $1 * interval '1 second'",
        seconds,
    )


async def test_a_chore_is_done_once_in_its_time_whoever_asks(bench: Bench) -> None:
    count = Count()
    assert sorted(await asyncio.gather(*(count.due(bench) for _ in range(8)))) == [False] * 7 + [True]
    assert count.done == 1
    assert [row["result"] for row in await bench.sql("select result from chores")] == [{"done": 1}]


async def test_it_is_done_again_when_its_time_has_come(bench: Bench) -> None:
    count = Count()
    await count.due(bench)
    await _aged(bench, 3599)
    assert not await count.due(bench)
    await _aged(bench, 1)
    assert await count.due(bench)


async def test_what_failed_is_due_again_when_its_lease_has_run_out(bench: Bench) -> None:
    async def failing() -> dict[str, int]:
        raise errors.Unavailable("away")

    with pytest.raises(errors.Unavailable):
        await Chores(bench.database).due("count", every_seconds=3600, lease_seconds=60, run=failing)
    count = Count()
    assert not await count.due(bench)
    await _aged(bench, 61)
    assert await count.due(bench)


async def test_a_chore_ends_with_its_lease(bench: Bench) -> None:
    async def endless() -> dict[str, int]:
        await asyncio.Event().wait()
        return {}

    with pytest.raises(errors.DeadlineExceeded):
        await Chores(bench.database).due("count", every_seconds=3600, lease_seconds=0.05, run=endless)
