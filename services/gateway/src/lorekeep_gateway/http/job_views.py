"""Jobs read from the database as callers see them, with their estimates."""

from collections.abc import Mapping, Sequence
from typing import Any

from lorekeep_chassis import errors
from lorekeep_gateway.estimates import Pace
from lorekeep_gateway.http.schemas import jobs as shapes
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Session

_FILTERS = (
    "ids", "status", "dead", "queue", "lane", "kind", "stage", "collection_id", "document_id", "older_than_seconds",
    "before", "before_id",
)  # fmt: skip
_MOST_RUNS = 100


def owner_of(principal: Principal) -> dict[str, Any]:
    """What the key may see, as queries take it."""
    return {
        "organisation_id": principal.organisation_id,
        "workspace_id": principal.workspace_id,
        "allowed": principal.allowed,
    }


async def listed(session: Session, owner: Mapping[str, Any], limit: int, **filters: Any) -> list[shapes.Job]:
    """Jobs within what `owner` may see, newest first."""
    rows = await session("jobs_shown", **owner, limit=limit, **{**dict.fromkeys(_FILTERS), **filters})
    pace = await _pace(session, owner["organisation_id"], [row["id"] for row in rows if row["status"] == "queued"])
    return [shapes.of_row(row, pace) for row in rows]


async def shown(session: Session, principal: Principal, job_id: str) -> shapes.Job:
    """One job; NotFound where there is none that the key may see."""
    found = await listed(session, owner_of(principal), 1, ids=[job_id])
    if not found:
        raise errors.NotFound("There is no such job.", reason="job_not_found")
    return found[0]


async def with_runs(session: Session, principal: Principal, job_id: str) -> shapes.JobWithRuns:
    """One job with its history."""
    job = await shown(session, principal, job_id)
    runs = await session("job_runs_shown", organisation_id=principal.organisation_id, job_id=job.id, limit=_MOST_RUNS)
    return shapes.with_runs(job, [dict(each) for each in runs])


async def _pace(session: Session, organisation_id: str, waiting: Sequence[str]) -> Pace:
    if not waiting:
        return Pace()
    figures = await session("job_pace", organisation_id=organisation_id)
    places = await session("job_places", organisation_id=organisation_id, ids=list(waiting))
    return Pace(figures["running"], figures["mean_seconds"], {row["id"]: row["place"] for row in places})
