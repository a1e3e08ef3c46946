"""A cancel is honoured at once, wherever a job is: counted in looks at the job's row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.ingest.bench import Bench, book, until
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_gateway.ingest.leases import WATCH_SECONDS
from lorekeep_gateway.store.database import Database, Session

MOST_LOOKS = 2


class Looks(Database):
    """Counts how often a worker looked at its job."""

    def __init__(self, database: Database) -> None:
        self._whole = database
        self.count = 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with self._whole.session() as session:
            yield _Counting(session, self)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        async with self._whole.transaction() as session:
            yield session


class _Counting(Session):
    def __init__(self, session: Session, looks: Looks) -> None:
        self._session = session
        self._looks = looks

    async def __call__(self, name: str, /, **parameters: Any) -> Any:
        self._looks.count += name == "watch_job"
        return await self._session(name, **parameters)


async def _cancelled(bench: Bench, reached: Any) -> None:
    """Cancels a job once its worker is where it should be; it ends within two looks, and leaves nothing."""
    looks = Looks(bench.database)
    ids = await bench.document(await bench.collection(), book(9))
    async with bench.working(bench.ingest(looks)):
        await until(reached)
        before = looks.count
        async with bench.database.transaction() as session:
            await session("job_cancel", organisation_id="org_a", id=ids["id"])
        job = await bench.ended(ids)
        assert looks.count - before <= MOST_LOOKS
        await until(lambda: _empty(bench))
    assert (job["status"], job["error"]["reason"]) == ("cancelled", "cancelled")
    assert [run["outcome"] for run in await bench.runs(ids)] == ["cancelled"]


async def _empty(bench: Bench) -> bool:
    return not bench.services.search.points


PLACES = ["parser.parse", "embedder.embed", "search.upsert"]


@pytest.mark.parametrize("place", PLACES)
async def test_while_a_service_hangs(bench: Bench, place: str) -> None:
    role, name = place.split(".")
    hooks = getattr(getattr(bench.services, role), name)
    hooks.hangs = True

    async def called() -> bool:
        return bool(hooks.calls)

    await _cancelled(bench, called)


@pytest.mark.parametrize("place", PLACES)
async def test_while_a_service_that_is_down_is_waited_for(bench: Bench, place: str) -> None:
    role, name = place.split(".")
    hooks = getattr(getattr(bench.services, role), name)
    hooks.hook = failing(10_000, errors.Overloaded("away", retry_after_seconds=60))

    async def called() -> bool:
        return bool(hooks.calls)

    await _cancelled(bench, called)


async def test_before_the_first_page_is_read(bench: Bench) -> None:
    bench.services.search.prepare.hangs = True

    async def prepared() -> bool:
        return bool(bench.services.search.prepared)

    await _cancelled(bench, prepared)


async def test_while_a_job_backs_off_it_ends_without_a_worker(bench: Bench) -> None:
    bench.services.embedder.embed.hook = failing(10_000, errors.DeadlineExceeded("slow"))
    ids = await bench.document(await bench.collection(), "a")
    async with bench.working(retry_seconds=60):
        await until(lambda: bench.sql("select from jobs where status = 'queued' and attempt = 1"))
        async with bench.database.transaction() as session:
            row = await session("job_cancel", organisation_id="org_a", id=ids["id"])
        assert row["status"] == "cancelled"


def test_two_looks_fit_in_two_seconds() -> None:
    assert MOST_LOOKS * WATCH_SECONDS <= 2
