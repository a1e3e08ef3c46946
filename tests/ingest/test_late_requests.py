"""What callers ask for at the last moment: it holds, or it was too late, and never something between."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.ingest.bench import Bench, book

from lorekeep_gateway.store.database import Database, Session


class Before(Database):
    """Does something else just before the first statement of a name inside a transaction."""

    def __init__(self, database: Database, name: str, act: Callable[[], Awaitable[Any]]) -> None:
        self._whole = database
        self._name = name
        self._act: Callable[[], Awaitable[Any]] | None = act

    def session(self) -> Any:
        return self._whole.session()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        async with self._whole.transaction() as session:
            yield _Watched(session, self)

    async def reached(self, name: str) -> None:
        if name == self._name and self._act is not None:
            act, self._act = self._act, None
            await act()


class _Watched(Session):
    def __init__(self, session: Session, before: Before) -> None:
        self._session = session
        self._before = before

    async def __call__(self, name: str, /, **parameters: Any) -> Any:
        await self._before.reached(name)
        return await self._session(name, **parameters)


async def test_a_cancel_that_was_accepted_before_the_switch_was_begun_holds(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(1))

    async def cancel() -> None:
        async with bench.database.transaction() as session:
            row = await session("job_cancel", organisation_id="org_a", id=ids["id"])
        assert row["status"] == "running"

    async with bench.working(bench.ingest(Before(bench.database, "lock_collection", cancel))):
        job = await bench.ended(ids)
    assert (job["status"], (job["error"] or {}).get("reason")) == ("cancelled", "cancelled")
    assert await bench.visible(collection) == {}
    assert (await bench.document_row(ids))["status"] == "failed"
