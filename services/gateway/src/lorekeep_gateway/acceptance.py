"""Acceptance: one transaction from staged bytes to documents, versions and jobs. What it answers is durable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lorekeep_chassis import errors, tracing
from lorekeep_chassis.calls import Lane
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.idempotency import Answer, Repeat, request_hash
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.intake import Submission
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Database, Session

Outcome = Submission | errors.LorekeepError


@dataclass(frozen=True)
class Accepted:
    """What became of one submission: ids by which it is shown."""

    document_id: str
    status: str
    name: str
    version: int
    job_id: str


Render = Callable[[Sequence[Accepted | errors.LorekeepError]], Answer]


@dataclass(frozen=True)
class Acceptance:
    """Accepts what `principal` sends into a collection."""

    database: Database
    blobs: Blobs
    principal: Principal
    collection_id: str
    lane: Lane

    async def accept(self, outcomes: Sequence[Outcome], idempotency_key: str | None, render: Render) -> Answer:
        """Writes the submissions among `outcomes` in one transaction and gives the answer that `render` makes.

        With an idempotency key the answer is kept, and a repeat of the same request gets it again; AlreadyExists for
        another request under the key, or while one is being accepted.
        """
        repeat = Repeat(self.principal.organisation_id, idempotency_key, self._request_hash(outcomes))
        async with self.database.transaction() as session:

            async def made() -> Answer:
                await self._hold(session, outcomes)
                return render([await self._outcome(session, each) for each in outcomes])

            return await repeat.once(session, made)

    async def _outcome(self, session: Session, outcome: Outcome) -> Accepted | errors.LorekeepError:
        return outcome if isinstance(outcome, errors.LorekeepError) else await self._add(session, outcome)

    async def _hold(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Collection and blobs stay while the transaction runs. Blobs are locked in order, against deadlocks."""
        submissions = sorted((e for e in outcomes if isinstance(e, Submission)), key=lambda e: e.blob.sha256)
        organisation_id = self.principal.organisation_id
        if not await session("upload_collection_alive", organisation_id=organisation_id, id=self.collection_id):
            raise errors.NotFound("There is no such collection. List them with GET /api/v1/collections.")
        for each in submissions:
            await session("blob_hold", organisation_id=organisation_id, sha256=each.blob.sha256)
            await self.blobs.promote(organisation_id, each.staged)

    async def _add(self, session: Session, submission: Submission) -> Accepted:
        organisation_id, new_document = self.principal.organisation_id, new_id("doc")
        document = await session(
            "upload_document",
            id=new_document,
            organisation_id=organisation_id,
            collection_id=self.collection_id,
            public_id=submission.document_id or new_document,
            name=submission.name,
            metadata=submission.metadata,
        )
        version = await session(
            "upload_version",
            id=new_id("ver"),
            organisation_id=organisation_id,
            document_id=document["id"],
            blob_sha256=submission.blob.sha256,
            size_bytes=submission.blob.size_bytes,
            media_type=submission.media_type,
            name=submission.name,
            metadata=submission.metadata,
            request_hash=submission.request_hash,
        )
        job_id = await self._enqueue(session, document["id"], version["id"])
        return Accepted(document["public_id"], document["status"], submission.name, version["number"], job_id)

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

    def _request_hash(self, outcomes: Sequence[Outcome]) -> str:
        told = [each.request_hash if isinstance(each, Submission) else each.reason for each in outcomes]
        return request_hash(self.collection_id, *told)
