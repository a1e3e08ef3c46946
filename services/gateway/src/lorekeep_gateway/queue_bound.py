"""The bound of an organisation's queue: whoever has too many jobs waiting is sent away before a byte is read."""

from time import monotonic

from lorekeep_chassis import errors
from lorekeep_gateway.store.database import Database

_FRESH_SECONDS = 1.0
_RETRY_SECONDS = 10.0
_MOST_ORGANISATIONS = 10_000


class QueueBound:
    """Lets an organisation have `most` jobs waiting. Counts are a second old at most, and what is taken adds to them.

    The bound holds for each process, so several of them may exceed it by what they take within that second.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._waiting: dict[str, int] = {}
        self._counted_at: dict[str, float] = {}

    async def check(self, organisation_id: str) -> None:
        """LimitExceeded where the organisation's queue is full."""
        if monotonic() - self._counted_at.get(organisation_id, float("-inf")) > _FRESH_SECONDS:
            await self._count(organisation_id)
        if self._waiting[organisation_id] >= self._most:
            raise self._full()

    def take(self, organisation_id: str) -> None:
        """A place for one more job; LimitExceeded where none is left."""
        waiting = self._waiting.get(organisation_id, 0)
        if waiting >= self._most:
            raise self._full()
        self._waiting[organisation_id] = waiting + 1

    async def _count(self, organisation_id: str) -> None:
        if len(self._waiting) >= _MOST_ORGANISATIONS:
            self._waiting.clear()
            self._counted_at.clear()
        async with self._database.session() as session:
            waiting = await session("upload_waiting", organisation_id=organisation_id, limit=self._most)
        self._waiting[organisation_id], self._counted_at[organisation_id] = waiting, monotonic()

    def _full(self) -> errors.LimitExceeded:
        return errors.LimitExceeded(
            f"{self._most} jobs are waiting already, as many as may. Send the rest when some of them have ended.",
            reason="queue_full",
            retry_after_seconds=_RETRY_SECONDS,
        )
