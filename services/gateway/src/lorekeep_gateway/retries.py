"""Retries: ended jobs queued again, one or many, where their versions may still be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors, tracing
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Session


@dataclass(frozen=True)
class Retries:
    """Retries what `principal` may change, inside a transaction of the caller's."""

    session: Session
    principal: Principal

    async def one(self, job_id: str) -> None:
        """Queues a failed, dead or cancelled job again; AlreadyExists says what is against it."""
        held = await self.session("retry_hold", organisation_id=self.principal.organisation_id, id=job_id)
        if not await self._queued([each["id"] for each in held]):
            raise await self._obstacle(job_id)

    async def some(self, *, collection_id: str | None, reason: str | None, dead: bool, limit: int) -> tuple[int, int]:
        """Queues failed jobs again, the oldest first; gives how many, and how many are left."""
        filters: dict[str, Any] = {
            "organisation_id": self.principal.organisation_id,
            "workspace_id": self.principal.workspace_id,
            "allowed": self.principal.allowed,
            "collection_id": collection_id,
            "reason": reason,
            "dead": dead,
        }
        held = await self.session("retry_hold_some", **filters, limit=limit)
        retried = await self._queued([each["id"] for each in held])
        return len(retried), await self.session("retry_left", **filters)

    async def _queued(self, held: Sequence[str]) -> list[str]:
        """Judged in a statement of its own: it sees what was committed while the first waited for its locks."""
        if not held:
            return []
        organisation_id = self.principal.organisation_id
        rows = await self.session("retry_jobs", organisation_id=organisation_id, ids=list(held))
        retried = [each["id"] for each in rows]
        await self.session(
            "retry_audit",
            organisation_id=organisation_id,
            actor=self.principal.key_id,
            address=self.principal.address,
            trace_id=tracing.trace_id(),
            targets=retried,
        )
        return retried

    async def _obstacle(self, job_id: str) -> errors.LorekeepError:
        row = await self.session("retry_obstacle", organisation_id=self.principal.organisation_id, id=job_id)
        if row is None:
            return errors.NotFound("There is no such job.", reason="job_not_found")
        if row["status"] not in ("failed", "cancelled"):
            return errors.AlreadyExists(
                f"The job is {row['status']}; only one that failed or was cancelled can be retried.",
                reason="job_not_retryable",
            )
        if row["pruned"]:
            return errors.AlreadyExists(
                "The version's bytes are gone, since newer ones took its place. Upload the document again.",
                reason="version_pruned",
            )
        return errors.AlreadyExists(
            "A newer version of the document is visible or under way, or another job has this one. "
            "Nothing was retried; upload the document again if this version is wanted.",
            reason="superseded",
        )
