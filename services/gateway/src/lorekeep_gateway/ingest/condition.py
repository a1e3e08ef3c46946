"""How the role is: it needs Postgres to be ready; the others it waits for in its jobs."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from lorekeep_chassis import errors
from lorekeep_chassis.probes import Component, Health
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest.worker import Worker
from lorekeep_gateway.store.database import Database

_CHECK_SECONDS = 5.0
_STUCK_SECONDS = 60.0
_OK: Component = {"status": "ok"}


class Condition:
    """Looks at everything the role depends on and reports it to `health` every five seconds."""

    def __init__(self, health: Health, database: Database, blobs: Blobs, callees: Callees, worker: Worker) -> None:
        self._health = health
        self._database = database
        self._blobs = blobs
        self._callees = callees
        self._worker = worker

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            self._health.report(await self.components())
            await asyncio.sleep(_CHECK_SECONDS)

    async def components(self) -> dict[str, Component]:
        """Each component with its status."""
        roles = ("parser", "embedder", "search")
        postgres, blobs, *callees = await asyncio.gather(
            _answers(self._database.ping, "failed"),
            _answers(self._blobs.ping, "degraded"),
            *(self._serving(role) for role in roles),
        )
        return {
            "postgres": postgres,
            "blobs": blobs,
            **dict(zip(roles, callees, strict=True)),
            "claims": self._claims(),
        }

    async def _serving(self, role: str) -> Component:
        if await self._callees.healthy(role):
            return _OK
        return {"status": "degraded", "detail": "not serving; jobs wait for it"}

    def _claims(self) -> Component:
        if time.monotonic() - self._worker.turned < _STUCK_SECONDS:
            return _OK
        return {"status": "failed", "detail": "the claim loop stands still"}


async def _answers(ping: Callable[[], Awaitable[None]], otherwise: str) -> Component:
    try:
        await ping()
    except errors.LorekeepError as error:
        return {"status": otherwise, "detail": error.reason}
    return _OK
