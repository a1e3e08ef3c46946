"""How a job ends without success: put back, handed back, or settled for good with its reason."""

from collections.abc import Mapping
from typing import Any

from lorekeep_chassis import errors, logs
from lorekeep_gateway.bell import WORK, Bell
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.leases import Lease, Withdrawn
from lorekeep_gateway.ingest.patience import backed_off, passing
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.sweeps import Sweeps
from lorekeep_gateway.store.database import Database, Session

_LOG = logs.logger(__name__)
_FINAL = (errors.InvalidInput, errors.UnsupportedMedia, errors.TooLarge, errors.NotFound, errors.ModelMismatch)
_FLIP_PAUSE_SECONDS = 5.0


class Endings:
    """Settles jobs under their leases."""

    def __init__(self, database: Database, sweeps: Sweeps, settings: IngestSettings, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._sweeps = sweeps
        self._settings = settings

    async def failed(
        self, job: Mapping[str, Any], lease: Lease, error: errors.LorekeepError, stage: str, late: bool
    ) -> None:
        """Puts the job back, or ends it: at once for what no retry changes, dead when attempts or time (`late`) are
        used up. An open flip is never given up, only gone on with; a dependency that is away costs no attempt."""
        exhausted = late or await self._attempts(job) >= self._settings.job_max_attempts
        if await self._flipping(job):
            await self.released(job, lease, _FLIP_PAUSE_SECONDS)
        elif passing(error) and not late:
            await self.released(job, lease, backed_off(self._settings.retry_seconds, 0))
        elif isinstance(error, _FINAL):
            await self._ended(job, lease, error, stage, status="failed", dead=False)
        elif exhausted:
            await self._ended(job, lease, error, stage, status="failed", dead=True)
        else:
            await self._put_back(job, lease, error, stage)

    async def withdrawn(self, job: Mapping[str, Any], lease: Lease, error: Withdrawn) -> None:
        """Ends a job whose result is not wanted; what is being shown already can only be deleted."""
        if error.reason != "deleted" and await self._flipping(job):
            await self.released(job, lease)
        else:
            await self._ended(job, lease, error, None, status="cancelled", dead=False)

    async def released(self, job: Mapping[str, Any], lease: Lease, pause_seconds: float = 0.0) -> None:
        """Hands the job back without counting this claim."""
        await self._queued_again(job, lease, "release_job", pause_seconds)

    async def orphaned(self, job: Mapping[str, Any]) -> None:
        """The lease is lost: where the document was deleted, nobody else removes what was indexed since then."""
        async with self._database.session() as session:
            kept = await session("document_kept", document_id=job["document_id"])
        if not kept:
            await self._sweeps.remove_chunks(job)

    async def _flipping(self, job: Mapping[str, Any]) -> bool:
        async with self._database.session() as session:
            return bool(await session("job_has_flip", job_id=job["id"]))

    async def _attempts(self, job: Mapping[str, Any]) -> int:
        """As the row has them: they start over when the checkpoint moves."""
        async with self._database.session() as session:
            attempts: int | None = await session("attempts_of_job", id=job["id"])
        return attempts or 0

    async def _put_back(self, job: Mapping[str, Any], lease: Lease, error: errors.LorekeepError, stage: str) -> None:
        pause = backed_off(self._settings.retry_seconds, max(await self._attempts(job) - 1, 0))
        await self._queued_again(job, lease, "retry_job", pause, stage=stage or job["stage"], error=_told(error))
        measures.RETRIES.labels(stage or job["stage"]).inc()
        _LOG.warning(
            "a job is tried again", extra={"lorekeep": {"job": job["id"], "stage": stage, "reason": error.reason}}
        )

    async def _queued_again(
        self, job: Mapping[str, Any], lease: Lease, query: str, pause_seconds: float, **told: Any
    ) -> None:
        """Puts the job into the queue, unless it was cancelled just now: then it ends here."""
        try:
            async with lease.ending() as session:
                await lease.write(session, query, pause_seconds=pause_seconds, **told)
        except Withdrawn as error:
            await self._ended(job, lease, error, None, status="cancelled", dead=False)
            return
        await self._bell.ring(job["id"])
        if pause_seconds == 0:
            await self._bell.ring(WORK)

    async def _ended(
        self,
        job: Mapping[str, Any],
        lease: Lease,
        error: errors.LorekeepError,
        stage: str | None,
        *,
        status: str,
        dead: bool,
    ) -> None:
        rebuild = job["kind"] == "rebuild"  # its version is shown, whatever becomes of the job
        async with lease.transaction() as session:
            if rebuild:
                await session(
                    "mark_version_indexed", version_id=job["version_id"], organisation_id=job["organisation_id"]
                )
            else:
                await _given_up(session, job, error)
            await lease.write(
                session,
                "end_job",
                status=status,
                stage=stage or None,
                dead=dead,
                error=_told(error),
                max_attempts=self._settings.job_max_attempts,
            )
        await self._bell.ring(job["id"])
        measures.ended(job, status)
        measures.JOBS_DEAD.inc(int(dead))
        _LOG.info("a job ended", extra={"lorekeep": {"job": job["id"], "status": status, "reason": error.reason}})
        if not rebuild:
            await self._sweeps.sweep_version(job["version_id"])


async def _given_up(session: Session, job: Mapping[str, Any], error: errors.LorekeepError) -> None:
    """The version will not be shown, and its document says why."""
    owner = {"organisation_id": job["organisation_id"], "version_id": job["version_id"]}
    superseded = error.reason == "superseded"
    await session("retire_version", status="superseded" if superseded else "failed", **owner)
    if not superseded:
        await session("fail_document", document_id=job["document_id"], error=_told(error), **owner)


def _told(error: errors.LorekeepError) -> dict[str, str]:
    return {"reason": error.reason, "message": error.message}
