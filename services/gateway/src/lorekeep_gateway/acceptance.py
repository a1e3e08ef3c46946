"""Acceptance: one transaction from staged bytes to documents, versions and jobs. What it answers is durable."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors, tracing
from lorekeep_chassis.calls import Lane
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.intake import Submission
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Database, Session

Outcome = Submission | errors.LorekeepError
Answer = dict[str, Any]


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
        request_hash = self._request_hash(outcomes)
        async with self.database.transaction() as session:
            if idempotency_key is not None:
                stored = await self._stored(session, idempotency_key, request_hash)
                if stored is not None:
                    return stored
            await self._hold(session, outcomes)
            answer = render(
                [
                    each if isinstance(each, errors.LorekeepError) else await self._add(session, each)
                    for each in outcomes
                ]
            )
            if idempotency_key is not None:
                await self._keep(session, idempotency_key, request_hash, answer)
            return answer

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

    async def _stored(self, session: Session, key: str, request_hash: str) -> Answer | None:
        organisation_id = self.principal.organisation_id
        if not await session("idempotency_hold", organisation_id=organisation_id, key=key):
            raise errors.AlreadyExists(
                "A request with this Idempotency-Key is being accepted. Repeat it shortly for its answer.",
                reason="idempotency_in_flight",
                retry_after_seconds=1.0,
            )
        found = await session("idempotency_found", organisation_id=organisation_id, key=key)
        if found is None:
            return None
        if found["request_hash"] != request_hash:
            raise errors.AlreadyExists(
                "This Idempotency-Key was used for another request. Take a new key for a new request.",
                reason="idempotency_key_reused",
            )
        return dict(found["response"])

    async def _keep(self, session: Session, key: str, request_hash: str, answer: Answer) -> None:
        await session(
            "idempotency_keep",
            organisation_id=self.principal.organisation_id,
            key=key,
            request_hash=request_hash,
            response=answer,
            http_status=202,
        )

    def _request_hash(self, outcomes: Sequence[Outcome]) -> str:
        told = [each.request_hash if isinstance(each, Submission) else each.reason for each in outcomes]
        return hashlib.sha256(json.dumps([self.collection_id, *told]).encode()).hexdigest()


def checked_key(given: str | None) -> str | None:
    """An Idempotency-Key header: 1 to 255 printable characters."""
    if given is None:
        return None
    if not 1 <= len(given) <= 255 or not given.isprintable():
        raise errors.UnprocessableInput(
            "An Idempotency-Key has 1 to 255 printable characters.", field="Idempotency-Key"
        )
    return given
