"""What nobody waits for but someone must do: open flips, retired versions' chunks, old idempotency keys."""

import asyncio
from collections.abc import Awaitable, Callable

from lorekeep_chassis import client_calls, errors, logs
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.flips import Flips
from lorekeep_gateway.ingest.sweeps import Sweeps
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)

Chore = Callable[[], Awaitable[object]]


class Janitor:
    """Does its chores every `pause_seconds`; one that fails is tried again in the next round and hinders no other."""

    def __init__(self, database: Database, flips: Flips, sweeps: Sweeps, pause_seconds: float) -> None:
        self._database = database
        self._pause_seconds = pause_seconds
        self._chores: dict[str, Chore] = {
            "flips": flips.finish_overdue,
            "sweeps": sweeps.sweep_overdue,
            "idempotency_keys": self._forget_keys,
            "figures": self._measure,
        }

    def add(self, name: str, chore: Chore) -> None:
        """Adds a chore of another part of the gateway."""
        self._chores = {name: chore, **self._chores}

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            await self.round()
            await asyncio.sleep(self._pause_seconds)

    async def round(self) -> None:
        """Does every chore once."""
        for name, chore in self._chores.items():
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

    async def _measure(self) -> None:
        async with self._database.session() as session:
            figures = await session("queue_figures")
        measures.QUEUE.labels("queued").set(figures["queued"])
        measures.QUEUE.labels("running").set(figures["running"])
        measures.OLDEST_SECONDS.set(figures["oldest_seconds"])
