"""What nobody waits for but someone must do: open flips, retired versions' chunks, what is kept no longer."""

import asyncio
from collections.abc import Awaitable, Callable

from lorekeep_chassis import client_calls, errors, logs
from lorekeep_gateway.bell import WORK, Bell
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.chores import Chores
from lorekeep_gateway.ingest.flips import Flips
from lorekeep_gateway.ingest.retention import Retention
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.sweeps import Sweeps
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)
_RETENTION_SECONDS = 3600.0
_RETENTION_LEASE_SECONDS = 900.0

Chore = Callable[[], Awaitable[object]]


class Janitor:
    """Does each of its chores every `janitor_seconds`; one that fails is tried again, one that takes long hinders no
    other. What one process of all is to do goes through `Chores`."""

    def __init__(self, database: Database, flips: Flips, sweeps: Sweeps, settings: IngestSettings, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._pause_seconds = settings.janitor_seconds
        self._retention = Retention(database, settings.job_retention_days)
        self._chores: dict[str, Chore] = {
            "flips": flips.finish_overdue,
            "sweeps": sweeps.sweep_overdue,
            "idempotency_keys": self._forget_keys,
            "workers": self._forget_workers,
            "retention": self._retain,
            "figures": self._measure,
        }

    def add(self, name: str, chore: Chore) -> None:
        """Adds a chore of another part of the gateway."""
        self._chores = {name: chore, **self._chores}

    async def run(self) -> None:
        """Runs for ever."""
        async with asyncio.TaskGroup() as group:
            for name, chore in self._chores.items():
                group.create_task(self._again_and_again(name, chore))

    async def round(self) -> None:
        """Does every chore once, one after the other."""
        for name, chore in self._chores.items():
            await self._done(name, chore)

    async def _again_and_again(self, name: str, chore: Chore) -> None:
        while True:
            await self._done(name, chore)
            await asyncio.sleep(self._pause_seconds)

    async def _done(self, name: str, chore: Chore) -> None:
        try:
            async with client_calls.translated():
                await chore()
        except errors.LorekeepError as error:
            _LOG.warning("a chore waits", extra={"lorekeep": {"chore": name, "reason": error.reason}})
        except Exception:  # noqa: BLE001 - one chore must not end the others
            _LOG.exception("a chore failed", extra={"lorekeep": {"chore": name}})

    async def _forget_keys(self) -> None:
        async with self._database.session() as session:
            await session("forget_idempotency_keys")

    async def _forget_workers(self) -> None:
        async with self._database.session() as session:
            await session("forget_workers")

    async def _retain(self) -> None:
        await Chores(self._database).due(
            "retention",
            every_seconds=_RETENTION_SECONDS,
            lease_seconds=_RETENTION_LEASE_SECONDS,
            run=self._retention.run,
        )

    async def _measure(self) -> None:
        """Measures the queue, and calls workers where it holds something that is due."""
        async with self._database.session() as session:
            jobs = await session("queue_figures")
            waiting = await session("waiting_figures")
            workers = await session("workers_alive")
        measures.queue(jobs, waiting, workers)
        if any(each["due"] for each in waiting):
            await self._bell.ring(WORK)
