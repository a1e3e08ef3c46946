"""Routes of jobs: listed, shown, cancelled, retried."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse

from lorekeep_chassis import errors
from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http import catalogue, job_views
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.cursors import Cursor, Limit, cursor_of, place_of
from lorekeep_gateway.http.job_watch import states, unless_gone
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.schemas import jobs as shapes
from lorekeep_gateway.http.schemas.shape import Text, failures
from lorekeep_gateway.http.telemetry import WAITED
from lorekeep_gateway.idempotency import Answer, Repeat, checked_key, request_hash
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.retries import Retries
from lorekeep_gateway.store.database import Session

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

Reader = Depends(caller("search", "ingest", "manage"))
Writer = Depends(caller("ingest", "manage"))
JobRef = Annotated[str, Path(description="Job by id.", min_length=1, max_length=64)]
Wait = Annotated[
    float, Query(ge=0, le=60, description="Answer when the job has ended, at the latest after as many seconds.")
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST_MICROSECONDS = 253_402_300_799_000_000  # the year 9999; datetime ends there


@dataclass(frozen=True)
class Filters:
    """What a list of jobs is narrowed to; each None lets all through."""

    status: shapes.Status | None = None
    dead: Annotated[bool | None, Query(description="Those whose attempts are used up, or the others.")] = None
    queue: shapes.Queue | None = None
    lane: shapes.Lane | None = None
    kind: shapes.Kind | None = None
    stage: shapes.Stage | None = None
    collection: Annotated[Text | None, Query(min_length=1, max_length=64, description="By name or id.")] = None
    document: Annotated[
        Text | None, Query(min_length=1, max_length=255, description="By id, in the `collection` named.")
    ] = None
    older_than_seconds: Annotated[float | None, Query(ge=0, le=1e9, description="Age since they were made.")] = None

    async def of_queries(self, parts: Parts, principal: Principal) -> dict[str, Any]:
        """The filters as queries take them; NotFound for a collection or a document that is not there."""
        told: dict[str, Any] = {
            name: value for name, value in vars(self).items() if name not in ("collection", "document")
        }
        if self.document is not None and self.collection is None:
            raise errors.UnprocessableInput("A document is one of a collection. Name its collection.", field="document")
        if self.collection is None:
            return told
        told["collection_id"] = (await catalogue.collection(parts, principal, self.collection))["id"]
        if self.document is not None:
            row = await catalogue.document(parts, principal, told["collection_id"], self.document)
            told["document_id"] = row["id"]
        return told


@router.get("", responses=failures(404), summary="List jobs")
async def page(
    request: Request,
    filters: Annotated[Filters, Depends()],
    limit: Limit = 50,
    cursor: Cursor = None,
    principal: Principal = Reader,
) -> shapes.JobPage:
    """The jobs of collections that the key may see, newest first."""
    parts, place = parts_of(request), _before(cursor)
    told = await filters.of_queries(parts, principal)
    async with parts.database.session() as session:
        jobs = await job_views.listed(session, job_views.owner_of(principal), limit + 1, **told, **place)
    further = _cursor_behind(jobs[limit - 1]) if len(jobs) > limit else None
    return shapes.JobPage(jobs=jobs[:limit], next_cursor=further)


@router.get("/{job}", responses=failures(404), summary="Show a job")
async def show(request: Request, job: JobRef, wait: Wait = 0, principal: Principal = Reader) -> shapes.JobWithRuns:
    """How a job goes, with its runs; with `wait` not before it has ended or the time is over."""
    parts = parts_of(request)
    async with parts.database.session() as session:
        found = await job_views.with_runs(session, principal, job)
    if found.ended or not wait:
        return found
    await _waited(request, parts, principal, job, wait)
    async with parts.database.session() as session:
        return await job_views.with_runs(session, principal, job)


@router.post("/{job}/cancel", responses=failures(404, 409), summary="Cancel a job")
async def cancel(request: Request, job: JobRef, principal: Principal = Writer) -> shapes.Job:
    """Cancels a job: a waiting one at once, a running one at its next step. 409 for one that has ended otherwise."""
    parts = parts_of(request)
    async with parts.database.transaction() as session:
        found = await job_views.shown(session, principal, job)
        await _cancel(session, principal.organisation_id, job, found.status)
        changed = await job_views.shown(session, principal, job)
    await parts.bell.ring(job)
    return changed


@router.post(
    "/{job}/retry",
    status_code=202,
    response_model=shapes.Job,
    responses=failures(404, 409),
    summary="Retry a job",
)
async def retry(
    request: Request, job: JobRef, idempotency_key: Key = None, principal: Principal = Writer
) -> JSONResponse:
    """Queues a job again that failed or was cancelled. 409 for one that has not, and for one that came too late."""
    parts = parts_of(request)
    repeat = Repeat(principal.organisation_id, checked_key(idempotency_key), request_hash("retry", job))
    async with parts.database.transaction() as session:
        await job_views.shown(session, principal, job)

        async def made() -> Answer:
            await Retries(session, principal).one(job)
            return (await job_views.shown(session, principal, job)).model_dump(mode="json")

        answer = await repeat.once(session, made)
    await parts.bell.ring(WORK)
    await parts.bell.ring(job)
    return JSONResponse(answer, 202, {"Location": f"/api/v1/jobs/{job}"})


@router.post(":retry", response_model=shapes.Retried, responses=failures(404, 409), summary="Retry failed jobs")
async def retry_some(
    request: Request, body: shapes.BulkRetry, idempotency_key: Key = None, principal: Principal = Writer
) -> JSONResponse:
    """Queues failed jobs again, the oldest first, of each document that of its newest version; never cancelled ones.

    `left` counts what the same call would retry next; jobs that cannot be retried are passed over.
    """
    parts = parts_of(request)
    named = None if body.collection is None else await catalogue.collection(parts, principal, body.collection)
    collection_id = None if named is None else named["id"]
    whose = principal.workspace_id, principal.allowed
    told = request_hash("retry", whose, collection_id, body.model_dump(exclude={"collection"}))
    repeat = Repeat(principal.organisation_id, checked_key(idempotency_key), told, http_status=200)
    async with parts.database.transaction() as session:

        async def made() -> Answer:
            retried, left = await Retries(session, principal).some(
                collection_id=collection_id, reason=body.reason, dead=body.dead, limit=body.limit
            )
            return {"retried": retried, "left": left}

        answer = await repeat.once(session, made)
    await parts.bell.ring(WORK)
    return JSONResponse(answer)


async def _waited(request: Request, parts: Parts, principal: Principal, job: str, seconds: float) -> None:
    """Until the job is over, the time is, or the caller has gone; it is no part of the time that the answer took."""
    begin = perf_counter()

    async def over() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for _ in states(parts.watch, followed, None):
                    pass

    with parts.followers.passed(principal.organisation_id), parts.watch.following(principal, job) as followed:
        await unless_gone(request.receive, over())
    request.scope[WAITED] = perf_counter() - begin


async def _cancel(session: Session, organisation_id: str, job_id: str, status: str) -> None:
    ended = await session("job_cancel", organisation_id=organisation_id, id=job_id)
    if ended is None and status != "cancelled":
        raise errors.AlreadyExists("The job has ended already; nothing was cancelled.", reason="job_ended")
    if ended is not None and ended["status"] == "cancelled":
        await session("job_cancelled_version", organisation_id=organisation_id, version_id=ended["version_id"])
        await session("job_cancelled_document", organisation_id=organisation_id, document_id=ended["document_id"])


def _cursor_behind(job: shapes.Job) -> str:
    return cursor_of(f"{(job.created_at - _EPOCH) // _MICROSECOND}_{job.id}")


def _before(cursor: str | None) -> Mapping[str, Any]:
    """The place behind which a page begins, none for the first page."""
    place = place_of(cursor, None)
    if place is None:
        return {}
    made, _, job_id = place.partition("_")
    if not made.isdigit() or not job_id or int(made) > _LATEST_MICROSECONDS:
        raise errors.UnprocessableInput("This is no cursor of an earlier page. Begin without one.", field="cursor")
    return {"before": _EPOCH + int(made) * _MICROSECOND, "before_id": job_id}
