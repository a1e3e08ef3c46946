"""A worker process's row among the workers: that it is alive, what it has in hand, whether it is about to end."""

import asyncio
from contextlib import suppress

from lorekeep_chassis import errors
from lorekeep_gateway.ingest.worker import Worker
from lorekeep_gateway.store.database import Database

_BEAT_SECONDS = 10.0


class Presence:
    """Writes the row every ten seconds and when draining begins; a row that is not written any more is a worker that
    died. Jobs do not depend on it: they have leases."""

    def __init__(self, database: Database, worker: Worker, concurrency: int, version: str) -> None:
        self._database = database
        self._worker = worker
        self._concurrency = concurrency
        self._version = version

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            with suppress(errors.Unavailable):
                await self.seen()
            with suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_SECONDS):
                    await self._news()

    async def _news(self) -> None:
        """Until draining begins; for ever once it has."""
        if self._worker.draining.is_set():
            await asyncio.Event().wait()
        await self._worker.draining.wait()

    async def seen(self) -> None:
        """Writes the row."""
        async with self._database.session() as session:
            await session(
                "worker_seen",
                name=self._worker.name,
                version=self._version,
                concurrency=self._concurrency,
                running=self._worker.running,
                draining=self._worker.draining.is_set(),
            )

    async def left(self) -> None:
        """Removes the row, for the process ends in order; where Postgres is away the janitor does."""
        with suppress(errors.Unavailable):
            async with self._database.session() as session:
                await session("worker_left", name=self._worker.name)
