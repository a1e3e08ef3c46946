"""Chores that one process of all does, each at most every so often, whatever process is alive then."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lorekeep_chassis import errors, logs
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)

Result = Mapping[str, Any]


class Chores:
    """Chores by name, with their leases and last results in Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(
        self, name: str, *, every_seconds: float, lease_seconds: float, run: Callable[[], Awaitable[Result]]
    ) -> bool:
        """Does a chore where it is due and nobody else is at it; whether it did.

        `every_seconds` counts from beginning to beginning. A chore ends with its lease, so that two are never at it.
        What failed, took too long or died is due again when that lease has run out.
        """
        async with self._database.session() as session:
            token = await session("begin_chore", name=name, every_seconds=every_seconds, lease_seconds=lease_seconds)
        if token is None:
            return False
        try:
            async with asyncio.timeout(lease_seconds):
                result = await run()
        except TimeoutError:
            raise errors.DeadlineExceeded(f"The chore {name} did not end within its lease.") from None
        async with self._database.session() as session:
            await session("end_chore", name=name, lease_token=token, result=dict(result))
        _LOG.info("a chore was done", extra={"lorekeep": {"chore": name, **result}})
        return True
