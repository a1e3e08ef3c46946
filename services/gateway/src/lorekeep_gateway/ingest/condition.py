"""How the role is: it needs Postgres to be ready; the others it waits for in its jobs."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from lorekeep_chassis import errors
from lorekeep_chassis.probes import Component, Health
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest.deliveries import Deliveries
from lorekeep_gateway.ingest.worker import Worker
from lorekeep_gateway.store.database import Database

_CHECK_SECONDS = 5.0
_STUCK_SECONDS = 60.0
_OK: Component = {"status": "ok"}


class Condition:
    """Looks at everything the role depends on and reports it to `health` every five seconds."""

    def __init__(
        self,
        health: Health,
        database: Database,
        blobs: Blobs,
        callees: Callees,
        worker: Worker,
        deliveries: Deliveries,
    ) -> None:
        self._health = health
        self._database = database
        self._blobs = blobs
        self._callees = callees
        self._worker = worker
        self._deliveries = deliveries

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
            "claims": _turning(self._worker.turned, "the claim loop stands still"),
            "deliveries": _turning(self._deliveries.turned, "the loop of deliveries stands still"),
        }

    async def _serving(self, role: str) -> Component:
        if await self._callees.healthy(role):
            return _OK
        return {"status": "degraded", "detail": "not serving; jobs wait for it"}


def _turning(turned: float, otherwise: str) -> Component:
    if time.monotonic() - turned < _STUCK_SECONDS:
        return _OK
    return {"status": "failed", "detail": otherwise}


async def _answers(ping: Callable[[], Awaitable[None]], otherwise: str) -> Component:
    try:
        await ping()
    except errors.LorekeepError as error:
        return {"status": otherwise, "detail": error.reason}
    return _OK
