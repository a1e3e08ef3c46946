"""Acceptance: one transaction from staged bytes to documents, versions and jobs. What it answers is durable."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors, tracing
from lorekeep_chassis.calls import Lane
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.idempotency import Answer, request_hash
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.intake import Submission
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.queue_bound import QueueBound
from lorekeep_gateway.store.database import Session

Outcome = Submission | errors.LorekeepError
_ON_THE_WAY = ("queued", "running", "succeeded")


@dataclass(frozen=True)
class Accepted:
    """What became of one submission, as it is shown. `unchanged` where the newest version said the same already."""

    document_id: str
    status: str
    name: str
    version: int
    kind: str
    source: Mapping[str, Any]
    job_id: str | None
    job_status: str = "queued"
    unchanged: bool = False


Render = Callable[[Sequence[Accepted | errors.LorekeepError]], Answer]


@dataclass(frozen=True)
class Acceptance:
    """Accepts what `principal` sends into a collection, within a transaction of the caller's."""

    blobs: Blobs
    queue: QueueBound
    principal: Principal
    collection_id: str
    lane: Lane

    async def accept(self, session: Session, outcomes: Sequence[Outcome]) -> Sequence[Accepted | errors.LorekeepError]:
        """Writes the submissions among `outcomes`; gives what became of each, in their order."""
        await self._hold(session, [each for each in outcomes if isinstance(each, Submission)])
        return [await self._outcome(session, each) for each in outcomes]

    def request_hash(self, outcomes: Sequence[Outcome]) -> str:
        """Equal for a repeat of the same request."""
        told = [each.request_hash if isinstance(each, Submission) else each.reason for each in outcomes]
        return request_hash(self.collection_id, self.lane.value, *told)

    async def _outcome(self, session: Session, outcome: Outcome) -> Accepted | errors.LorekeepError:
        if isinstance(outcome, errors.LorekeepError):
            return outcome
        try:
            return await self._taken(session, outcome)
        except (errors.LimitExceeded, errors.AlreadyExists) as refusal:
            return refusal

    async def _hold(self, session: Session, submissions: Sequence[Submission]) -> None:
        """Collection, ids and blobs are held while the transaction runs, in order, against deadlocks."""
        mine = {"organisation_id": self.principal.organisation_id}
        if not await session("upload_collection_alive", **mine, id=self.collection_id):
            raise errors.NotFound("There is no such collection. List them with GET /api/v1/collections.")
        for public_id in sorted({each.document_id for each in submissions if each.document_id}):
            await session("upload_hold", collection_id=self.collection_id, public_id=public_id)
        for each in sorted(submissions, key=lambda each: each.blob.sha256):
            await session("blob_hold", **mine, sha256=each.blob.sha256)

    async def _taken(self, session: Session, submission: Submission) -> Accepted:
        newest = await self._newest(session, submission)
        if submission.changes is not None and (newest is None or newest["number"] != submission.changes):
            raise errors.AlreadyExists(
                "The document was changed meanwhile. Look at it again and repeat the change.", reason="document_changed"
            )
        if newest is not None and stands(newest) and submission.says_what(newest):
            return await self._unchanged(session, submission, newest)
        self.queue.take(self.principal.organisation_id)
        await self.blobs.promote(self.principal.organisation_id, submission.staged)
        return await self._add(session, submission)

    async def _newest(self, session: Session, submission: Submission) -> Mapping[str, Any] | None:
        if not submission.document_id:
            return None
        found: Mapping[str, Any] | None = await session(
            "upload_newest",
            organisation_id=self.principal.organisation_id,
            collection_id=self.collection_id,
            public_id=submission.document_id,
        )
        return found

    async def _unchanged(self, session: Session, submission: Submission, newest: Mapping[str, Any]) -> Accepted:
        await self._heal(session, submission, damaged=newest["damaged"])
        if newest["source"] != submission.source:
            await session(
                "upload_source",
                organisation_id=self.principal.organisation_id,
                document_id=newest["document_id"],
                version_id=newest["version_id"],
                source=submission.source,
            )
        return Accepted(
            newest["public_id"],
            newest["document_status"],
            newest["name"],
            newest["number"],
            submission.kind,
            submission.source,
            newest["job_id"],
            newest["job_status"],
            unchanged=True,
        )

    async def _heal(self, session: Session, submission: Submission, *, damaged: bool) -> None:
        """Puts the bytes of what is known already where they were lost or damaged; their blob is held."""
        organisation_id, sha256 = self.principal.organisation_id, submission.blob.sha256
        if damaged or not await self.blobs.has(organisation_id, sha256):
            await self.blobs.promote(organisation_id, submission.staged)
            await session("upload_healed", organisation_id=organisation_id, sha256=sha256)

    async def _add(self, session: Session, submission: Submission) -> Accepted:
        organisation_id, new_document = self.principal.organisation_id, new_id("doc")
        told = {
            "organisation_id": organisation_id,
            "name": submission.name,
            "metadata": submission.metadata,
            "source": submission.source,
        }
        document = await session(
            "upload_document",
            id=new_document,
            collection_id=self.collection_id,
            public_id=submission.document_id or new_document,
            kind=submission.kind,
            **told,
        )
        version = await session(
            "upload_version",
            id=new_id("ver"),
            document_id=document["id"],
            blob_sha256=submission.blob.sha256,
            size_bytes=submission.blob.size_bytes,
            media_type=submission.media_type,
            request_hash=submission.request_hash,
            reading=submission.reading,
            **told,
        )
        job_id = await self._enqueue(session, document["id"], version["id"])
        shown = (submission.name, version["number"], submission.kind, submission.source)
        return Accepted(document["public_id"], document["status"], *shown, job_id)

    async def _enqueue(self, session: Session, document_id: str, version_id: str) -> str:
        job_id = new_id("job")
        await session(
            "enqueue_job",
            id=job_id,
            organisation_id=self.principal.organisation_id,
            collection_id=self.collection_id,
            document_id=document_id,
            version_id=version_id,
            lane=self.lane.value,
            traceparent=tracing.carrier().get("traceparent"),
            actor=self.principal.key_id,
            deadline_at=None,
        )
        return job_id


def stands(newest: Mapping[str, Any]) -> bool:
    """Whether a version is visible or on its way there; one that failed or is being cancelled is made anew."""
    if newest["status"] == "ready":
        return True
    coming = newest["job_status"] in _ON_THE_WAY and not newest["cancel_requested"]
    return newest["status"] in ("pending", "processing") and coming
