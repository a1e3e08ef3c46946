"""Jobs followed as they go, by server-sent events.

An event's id is the job's revision, which Postgres counts, so a stream that broke is gone on with from any instance.
Streams end from time to time, and whenever the process drains, and are to be opened again with `Last-Event-ID`; only
`event: end` says that nothing more is to come.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from lorekeep_gateway.http import job_views
from lorekeep_gateway.http.job_watch import Followed, Watch, states
from lorekeep_gateway.http.jobs import JobRef, Reader
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

_RETRY_MS = 2000
_STREAM_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store", "Connection": "close"}
_STREAM = {
    "description": "`event: job` has a job as data and its revision as id; `event: end` comes when it has ended "
    "or was deleted.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

Seen = Annotated[
    str | None, Header(alias="Last-Event-ID", description="The revision that was seen already.", max_length=64)
]


async def _followed(request: Request, job: JobRef, principal: Principal = Reader) -> AsyncIterator[Followed]:
    """The job, kept fresh until the answer has been sent."""
    parts = parts_of(request)
    async with parts.database.session() as session:
        await job_views.shown(session, principal, job)
    with parts.followers.passed(principal.organisation_id), parts.watch.following(principal, job) as followed:
        yield followed


Following = Depends(_followed)


@router.get(
    "/{job}/events",
    response_class=StreamingResponse,
    responses={**failures(404), 200: _STREAM},
    summary="Stream a job's changes",
)
async def events(request: Request, followed: Followed = Following, seen: Seen = None) -> StreamingResponse:
    """Server-sent events: the job as it is, unless `Last-Event-ID` says that it was seen, then each change of it."""
    lines = _lines(parts_of(request).watch, followed, _revision(seen))
    return StreamingResponse(lines, media_type="text/event-stream", headers=_STREAM_HEADERS)


async def _lines(watch: Watch, followed: Followed, seen: int | None) -> AsyncIterator[str]:
    yield f"retry: {_RETRY_MS}\n\n"
    async for state in states(watch, followed, seen):
        if state is None:
            yield ":\n\n"
        else:
            yield f"id: {state.revision}\nevent: job\ndata: {state.text}\n\n"
    if followed.over:
        yield f'event: end\ndata: {{"reason":"{"deleted" if followed.gone else "ended"}"}}\n\n'


def _revision(seen: str | None) -> int | None:
    """What a caller has seen; anything that is no revision counts as nothing."""
    return int(seen) if seen and seen.isascii() and seen.isdigit() else None
