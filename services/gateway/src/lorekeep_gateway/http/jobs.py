"""Routes of jobs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from lorekeep_chassis import errors
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import Row
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas import jobs as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Session

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

Reader = Depends(caller("search", "ingest", "manage"))
Writer = Depends(caller("ingest", "manage"))
JobRef = Annotated[str, Path(description="Job by id.", min_length=1, max_length=64)]


@router.get("/{job}", responses=failures(404), summary="Show a job")
async def show(request: Request, job: JobRef, principal: Principal = Reader) -> shapes.Job:
    """How a job goes."""
    async with parts_of(request).database.session() as session:
        return shapes.of_row(await _job(session, principal, job))


@router.post("/{job}/cancel", responses=failures(404, 409), summary="Cancel a job")
async def cancel(request: Request, job: JobRef, principal: Principal = Writer) -> shapes.Job:
    """Cancels a job: a waiting one at once, a running one at its next step. 409 for one that has ended otherwise."""
    async with parts_of(request).database.transaction() as session:
        found = await _job(session, principal, job)
        await _cancel(session, principal.organisation_id, job, found["status"])
        return shapes.of_row(await _job(session, principal, job))


async def _job(session: Session, principal: Principal, job_id: str) -> Row:
    row = await session(
        "job_shown",
        organisation_id=principal.organisation_id,
        workspace_id=principal.workspace_id,
        allowed=principal.allowed,
        id=job_id,
    )
    if row is None:
        raise errors.NotFound("There is no such job.", reason="job_not_found")
    return dict(row)


async def _cancel(session: Session, organisation_id: str, job_id: str, status: str) -> None:
    ended = await session("job_cancel", organisation_id=organisation_id, id=job_id)
    if ended is None and status != "cancelled":
        raise errors.AlreadyExists("The job has ended already; nothing was cancelled.", reason="job_ended")
    if ended is not None and ended["status"] == "cancelled":
        await session("job_cancelled_version", organisation_id=organisation_id, version_id=ended["version_id"])
        await session("job_cancelled_document", organisation_id=organisation_id, document_id=ended["document_id"])
