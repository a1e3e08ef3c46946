"""A worker's hold on a job: every write carries the token and fails without it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from lorekeep_chassis import errors, logs
from lorekeep_gateway.ingest.checkpoints import Checkpoint, Kept
from lorekeep_gateway.store.database import Database, Session

_LOG = logs.logger(__name__)
# A cancel is to be honoured within two seconds: the look under way may have come too early, the next one sees it.
WATCH_SECONDS = 0.8
_STAGES = ("fetch", "parse", "chunk", "embed", "index", "flip")


class LeaseLost(errors.LorekeepError):
    """The job is another worker's, or gone: stop at once and write nothing."""

    default_reason = "lease_lost"


class Withdrawn(errors.LorekeepError):
    """The job's result is not wanted any more; `reason` says why."""

    default_reason = "cancelled"


class Lease:
    """The hold on one claimed job.

    `watch` runs beside the work: it extends the lease every third of its time and raises when the lease is lost or
    the job withdrawn. `spent` gives the seconds in each stage, which go along with checkpoints and ends; `changed` is
    told of every change that a caller can see.
    """

    def __init__(
        self,
        database: Database,
        job: Mapping[str, Any],
        lease_seconds: float,
        spent: Callable[[], Mapping[str, float]] = dict,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._spent = spent
        self._changed = changed
        self._key = {"id": job["id"], "lease_token": job["lease_token"]}
        self._seconds = lease_seconds
        self._extended = time.monotonic()
        self._stage = self._stage_written = 0

    def require(self) -> float:
        """Seconds for which the job is surely ours; LeaseLost when there are none, as after a pause of the process."""
        left = self._extended + self._seconds - time.monotonic()
        if left <= 0:
            raise LeaseLost("The lease ran out before it was extended.")
        return left

    async def watch(self) -> None:
        """Keeps the lease until cancelled; LeaseLost or Withdrawn ends the work."""
        while True:
            await asyncio.sleep(min(WATCH_SECONDS, self._seconds / 6))
            try:
                await self.confirm()
            except errors.Unavailable:
                self.require()

    async def confirm(self) -> None:
        """LeaseLost or Withdrawn where the job is not to be gone on with; extends the lease when it is time."""
        async with self._database.session() as session:
            seen = await session("watch_job", **self._key)
            _still_wanted(seen)
            if self._stage > self._stage_written:
                await self.write(session, "enter_stage", **self._furthest())
                self._changed()
            if self.require() < self._seconds * 2 / 3:
                await self.write(session, "extend_lease", lease_seconds=self._seconds)

    async def write(self, session: Session, name: str, **parameters: Any) -> None:
        """One guarded statement on the job's row; what extends the lease in the row is noted here too."""
        begin = time.monotonic()
        if await session(name, **{**self._key, **self.times()}, **parameters) is None:
            raise LeaseLost("The job is in other hands.")
        if "lease_seconds" in parameters:
            self._extended = begin

    def _furthest(self) -> dict[str, str]:
        self._stage_written = self._stage
        return {"stage": _STAGES[self._stage]}

    def times(self) -> dict[str, Any]:
        """The time spent in each stage, under the token that makes it count."""
        return {"stage_seconds": dict(self._spent()), "lease_token": self._key["lease_token"]}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A transaction that holds the job's row: all of it is written under the lease, or nothing."""
        async with self._database.transaction() as session:
            await self.hold(session)
            yield session

    @asynccontextmanager
    async def ending(self) -> AsyncIterator[Session]:
        """The same for the end of this claim: Withdrawn where the job was cancelled since the watch last looked, for
        a job that is put back is watched by nobody."""
        async with self._database.transaction() as session:
            await self.hold_wanted(session)
            yield session

    async def hold(self, session: Session) -> None:
        """Locks the job's row, so that nobody takes it over or cancels it before the transaction ends."""
        await self.write(session, "hold_job")

    async def hold_wanted(self, session: Session) -> None:
        """The same for a step that cannot be taken back: Withdrawn where the job was cancelled since the watch last
        looked. A cancel that was accepted before this holds, one that comes later finds what the step wrote."""
        await self.hold(session)
        _still_wanted(await session("watch_job", **self._key))

    def enter(self, stage: str) -> None:
        """Notes the furthest stage that the job has come to. It is written with the next checkpoint, or by the watch:
        a small document goes through all of them in less time than writing each would take."""
        self._stage = max(self._stage, _STAGES.index(stage))

    async def keep(self, session: Session, kept: Kept) -> None:
        """Notes how far the document was read; the lease is extended."""
        await self.write(
            session,
            "keep_parsed",
            parsed=kept.counters(),
            parse_state=kept.state or None,
            progress=kept.progress(),
            lease_seconds=self._seconds,
            **self._furthest(),
        )
        self._changed()

    async def move(self, session: Session, checkpoint: Checkpoint, warnings: list[str]) -> None:
        """Moves the checkpoint; attempts start over and the lease is extended."""
        await self.write(
            session,
            "move_checkpoint",
            checkpoint=checkpoint.counters(),
            progress=checkpoint.progress(),
            warnings=warnings,
            lease_seconds=self._seconds,
            **self._furthest(),
        )
        self._changed()


def _still_wanted(seen: Mapping[str, Any] | None) -> None:
    if seen is None:
        raise LeaseLost("The job is in other hands.")
    if seen["document_deleted"] or seen["collection_deleted"]:
        raise Withdrawn("The document was deleted while it was read.", reason="deleted")
    if seen["cancel_requested"]:
        raise Withdrawn("The job was cancelled.", reason="cancelled")
