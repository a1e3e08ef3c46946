"""The daily comparisons, each done by one process of all."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lorekeep_chassis import errors, logs
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest.chores import Chores
from lorekeep_gateway.reconciliation.comparison import Reconciliation, Report
from lorekeep_gateway.reconciliation.findings import FINDINGS
from lorekeep_gateway.reconciliation.originals import Originals
from lorekeep_gateway.reconciliation.scrub import Scrub
from lorekeep_gateway.removal.leftovers import Tombstones
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)
_DAY_SECONDS = 24 * 3600.0
_LEASE_SECONDS = 4 * 3600.0
_COLLECTIONS_AT_ONCE = 100

Result = Mapping[str, Any]


class Upkeep:
    """Runs the daily comparisons where they are due."""

    def __init__(self, database: Database, blobs: Blobs, callees: Callees, scrub_bytes: int) -> None:
        self._database = database
        self._chores = Chores(database)
        self._reconciliation = Reconciliation(database, callees)
        self._originals = Originals(database, blobs)
        self._scrub = Scrub(database, blobs, scrub_bytes)
        self._tombstones = Tombstones(database, callees)

    def chores(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """By name; each does nothing where it is not due."""
        runs = {
            "reconciliation": self.reconcile,
            "blob_sweep": self._originals.compare,
            "blob_scrub": self.scrub,
            "tombstones": self.look_again,
        }
        return {name: self._due(name, run) for name, run in runs.items()}

    async def reconcile(self) -> Result:
        """Compares every collection; one that cannot be compared now hinders no other."""
        report, failed, after = Report(), 0, ""
        while rows := await self._collections(after):
            for row in rows:
                try:
                    report += await self._reconciliation.collection(row["organisation_id"], row["id"])
                except errors.LorekeepError as error:
                    failed += 1
                    told = {"collection": row["id"], "reason": error.reason}
                    _LOG.warning("a collection could not be compared", extra={"lorekeep": told})
            after = rows[-1]["id"]
        return {**vars(report), "collections_failed": failed}

    async def scrub(self) -> Result:
        """Goes on with the scrub."""
        async with self._database.session() as session:
            before = await session("chore_result", name="blob_scrub")
        return await self._scrub.run(before)

    async def look_again(self) -> Result:
        """Removes what was written behind a removal."""
        chunks = await self._tombstones.look_again()
        FINDINGS.labels("late_chunks").inc(chunks)
        return {"late_chunks": chunks}

    async def _collections(self, after: str) -> list[Any]:
        async with self._database.session() as session:
            return list(await session("reconcile_collections", after=after, limit=_COLLECTIONS_AT_ONCE))

    def _due(self, name: str, run: Callable[[], Awaitable[Result]]) -> Callable[[], Awaitable[object]]:
        async def chore() -> bool:
            return await self._chores.due(name, every_seconds=_DAY_SECONDS, lease_seconds=_LEASE_SECONDS, run=run)

        return chore
