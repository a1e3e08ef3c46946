"""The index compared with the records, collection by collection, while ingest, flips and deletions go on.

Nothing is locked meanwhile, so what is seen of either side may be old. Why nothing fresh is ever removed or done twice:

- The index is read first, then the rows. A version's row is committed before the first of its points can be written,
  and its id is never used again. So a point whose version has no row when the rows are read belongs to one that is
  gone for good.
- A version with a row loses its points only when it is retired (`failed` or `superseded`), was swept already
  (`indexed` is false) and was so before the index was read. A retry takes it out of that state in the transaction that
  comes before its first point. It is asked again with its row locked, and the lock is held until the points are gone: a
  retry waits for that and begins behind it. Retired ones that were not swept yet are `Sweeps`' own.
- A visible version lacks chunks only where it was visible before the index was read, so that all of its points had been
  written and stamped; where no flip that is open speaks of it; and where no job of its document is waiting, running or
  has ended since, for each of them may have been writing while the index was counted. What is missing is made again by
  a rebuild of which a document has one at a time, so a second comparison queues nothing twice.
- What is being deleted is left to the removal.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, client_calls
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.rebuilds import enqueue_rebuild
from lorekeep_gateway.reconciliation.findings import tell
from lorekeep_gateway.removal.index import remove_chunks
from lorekeep_gateway.store.database import Database

_TALLY_SECONDS = 120.0
_PAGE = 1000
SYSTEM = "system"

Row = Mapping[str, Any]
Tallies = Mapping[str, search_pb2.VersionTally]


@dataclass
class Report:
    """What a comparison of a collection found and did."""

    documents_checked: int = 0
    versions_missing_chunks: int = 0
    jobs_queued: int = 0
    orphan_versions_removed: int = 0
    chunks_removed: int = 0

    def __add__(self, other: "Report") -> "Report":
        mine, its = vars(self), vars(other)
        return Report(**{name: mine[name] + its[name] for name in mine})


class Reconciliation:
    """Compares and repairs. `actor` is who asked, for the jobs that it queues."""

    def __init__(self, database: Database, callees: Callees, actor: str = SYSTEM, page: int = _PAGE) -> None:
        self._database = database
        self._callees = callees
        self._actor = actor
        self._page = page

    async def collection(self, organisation_id: str, collection_id: str) -> Report:
        """Compares one collection, in all of its index spaces; errors of search where it does not answer."""
        mine = {"organisation_id": organisation_id, "collection_id": collection_id}
        async with self._database.session() as session:
            spaces = await session("reconcile_spaces", **mine)
        report = Report()
        for space in spaces:
            facts = {name: each for name, each in space.items() if name != "live"}
            comparison = _Comparison(
                self._database,
                self._callees,
                self._actor,
                self._page,
                organisation_id,
                collection_id,
                facts,
                space["live"],
            )
            report += await comparison.run()
        return report


@dataclass
class _Comparison:
    """One collection in one index space. What is visible is only looked for in the `live` one."""

    database: Database
    callees: Callees
    actor: str
    page: int
    organisation_id: str
    collection_id: str
    space: Mapping[str, Any]
    live: bool
    report: Report = field(default_factory=Report)
    orphans: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    async def run(self) -> Report:
        began_at, after = await self._clock(), ""
        while True:
            tallies = await self._tallied(after)
            until = max(tallies) if len(tallies) == self.page else None
            await self._too_much(tallies, began_at)
            if self.live:
                async for rows in self._shown(after, until, began_at):
                    await self._too_little(rows, tallies)
            if until is None:
                break
            after, began_at = until, await self._clock()
        where = {"target": self.collection_id}
        await tell(self.database, self.organisation_id, "orphan_version", self.orphans, **where)
        await tell(self.database, self.organisation_id, "missing_chunks", self.lacking, **where)
        return self.report

    async def _clock(self) -> datetime:
        """The database's time, before the index is read."""
        async with self.database.session() as session:
            now: datetime = await session("reconcile_clock")
        return now

    async def _tallied(self, after: str) -> Tallies:
        scope = search_pb2.Scope(space=search_pb2.IndexSpace(**self.space), collection_id=self.collection_id)
        request = search_pb2.TallyRequest(scope=scope, after_version_id=after, limit=self.page)
        context = calls.CallContext(self.organisation_id, self.collection_id, "reconciliation", calls.Lane.BULK)
        with calls.calling_as(context), calls.deadline(_TALLY_SECONDS):
            async with client_calls.translated():
                answer = await self.callees.search.Tally(request)
        return {each.version_id: each for each in answer.versions}

    async def _too_much(self, tallies: Tallies, began_at: datetime) -> None:
        """Removes points of versions that are gone, or retired and swept."""
        async with self.database.session() as session:
            rows = await session(
                "reconcile_versions", organisation_id=self.organisation_id, ids=list(tallies), began_at=began_at
            )
        known = {row["id"]: row for row in rows}
        for version_id in tallies:
            if version_id not in known:
                await self._removed(version_id)
            elif known[version_id]["swept"]:
                await self._removed_if_swept(version_id)

    async def _removed_if_swept(self, version_id: str) -> None:
        async with self.database.transaction() as session:
            mine = {"organisation_id": self.organisation_id, "id": version_id}
            if await session("reconcile_hold_swept", **mine):
                await self._removed(version_id)

    async def _removed(self, version_id: str) -> None:
        chunks = await remove_chunks(
            self.callees, self.organisation_id, self.collection_id, [self.space], version_id=version_id
        )
        if chunks:  # or a removal was quicker
            self.orphans.append(version_id)
            self.report.orphan_versions_removed += 1
            self.report.chunks_removed += chunks

    async def _shown(self, after: str, until: str | None, began_at: datetime) -> AsyncIterator[Sequence[Row]]:
        """Visible versions between two ids, in portions."""
        while True:
            async with self.database.session() as session:
                rows = await session(
                    "reconcile_shown",
                    organisation_id=self.organisation_id,
                    collection_id=self.collection_id,
                    after=after,
                    until=until,
                    began_at=began_at,
                    limit=self.page,
                )
            yield rows
            if len(rows) < self.page:
                return
            after = rows[-1]["id"]

    async def _too_little(self, rows: Sequence[Row], tallies: Tallies) -> None:
        """Has those made again of which fewer chunks stand in the index than there were."""
        lacking = [row for row in rows if row["settled"] and _standing(tallies, row["id"]) < (row["chunk_count"] or 0)]
        self.report.documents_checked += len(rows)
        self.report.versions_missing_chunks += len(lacking)
        self.lacking += [row["id"] for row in lacking]
        if lacking:
            documents = [row["document_id"] for row in lacking]
            async with self.database.transaction() as session:
                self.report.jobs_queued += await enqueue_rebuild(
                    session, self.organisation_id, self.collection_id, documents, self.actor
                )


def _standing(tallies: Tallies, version_id: str) -> int:
    found = tallies.get(version_id)
    return found.standing_count if found else 0
