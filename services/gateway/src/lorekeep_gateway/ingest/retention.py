"""What is kept for a while only: ended jobs with their runs, ended deliveries, the audit log."""

from datetime import UTC, datetime

from lorekeep_gateway.store.database import Database

_PORTION = 1000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Compliance asks for a year, and for no way to make it shorter by a setting.
_AUDIT_DAYS = 365.0


class Retention:
    """Forgets what is too old."""

    def __init__(self, database: Database, job_days: float) -> None:
        self._database = database
        self._job_days = job_days

    async def run(self) -> dict[str, int]:
        """Forgets in portions until nothing too old is left; gives how many rows of each kind."""
        return {
            "jobs": await self._forgotten_jobs(),
            "webhook_deliveries": await self._forgotten("forget_ended_deliveries", job_retention_days=self._job_days),
            "audit_logs": await self._forgotten("forget_audit", audit_retention_days=_AUDIT_DAYS),
        }

    async def _forgotten_jobs(self) -> int:
        count, behind = 0, {"finished_at": _BEGINNING, "id": ""}
        while behind["id"] is not None:
            async with self._database.session() as session:
                portion = await session("forget_jobs", job_retention_days=self._job_days, limit=_PORTION, **behind)
            count += portion["gone"]
            behind = {key: portion[key] for key in behind}
        return count

    async def _forgotten(self, query: str, **days: float) -> int:
        count = 0
        while True:
            async with self._database.session() as session:
                portion: int = await session(query, limit=_PORTION, **days)
            count += portion
            if portion < _PORTION:
                return count
