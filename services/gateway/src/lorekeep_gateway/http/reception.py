"""What every route that takes documents in does: room before bytes, one transaction, and nothing left of a refusal."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi.responses import JSONResponse

from lorekeep_chassis import errors, logs
from lorekeep_chassis.calls import Lane
from lorekeep_gateway.acceptance import Acceptance, Outcome, Render
from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http.catalogue import Row
from lorekeep_gateway.http.parts import Parts
from lorekeep_gateway.http.schemas.uploads import single_of
from lorekeep_gateway.idempotency import Answer, Repeat, request_hash
from lorekeep_gateway.intake import Intake, Submission
from lorekeep_gateway.keys import Principal

_LOG = logs.logger(__name__)


@asynccontextmanager
async def taking_in(parts: Parts, principal: Principal, row: Row) -> AsyncIterator[Intake]:
    """An intake for a collection, where the queue has room. What it staged is gone at the end, but for what a document
    came to need."""
    await parts.queue.check(principal.organisation_id)
    settings = parts.settings
    intake = Intake(
        parts.blobs,
        principal.organisation_id,
        row["metadata_schema"],
        settings.max_file_size,
        settings.max_text_chars,
    )
    with parts.uploads.passed(principal.organisation_id):
        try:
            yield intake
        except BaseException:
            for each in intake.staged:
                await left_to_sweep(parts.removal(principal).forget_blob(each.blob.sha256))
            raise
        finally:
            for each in intake.staged:
                await left_to_sweep(parts.blobs.discard(each))


async def accepted(
    parts: Parts,
    principal: Principal,
    row: Row,
    outcomes: Sequence[Outcome],
    key: str | None,
    render: Render = single_of,
    lane: Lane = Lane.INTERACTIVE,
) -> Answer:
    """Accepts what a request brought. A repeat under the same key is told by what it brings."""
    acceptance = acceptance_of(parts, principal, row, lane)
    repeat = Repeat(principal.organisation_id, key, acceptance.request_hash(outcomes))
    async with parts.database.transaction() as session:

        async def made() -> Answer:
            return render(await acceptance.accept(session, outcomes))

        answer = await repeat.once(session, made)
    await parts.bell.ring(WORK)
    return answer


async def accepted_as(parts: Parts, principal: Principal, row: Row, submission: Submission, repeat: Repeat) -> Answer:
    """Accepts one document. A repeat is told by what the request asked for, which may bring other bytes each time."""
    acceptance = acceptance_of(parts, principal, row)
    async with parts.database.transaction() as session:

        async def made() -> Answer:
            return single_of(await acceptance.accept(session, [submission]))

        answer = await repeat.once(session, made)
    await parts.bell.ring(WORK)
    return answer


def acceptance_of(parts: Parts, principal: Principal, row: Row, lane: Lane = Lane.INTERACTIVE) -> Acceptance:
    """Accepts into a collection in the name of `principal`."""
    return Acceptance(parts.blobs, parts.queue, principal, row["id"], lane)


def repeat_of(principal: Principal, key: str | None, *told: Any, http_status: int = 202) -> Repeat:
    """A call that may be a repeat of one which told the same."""
    return Repeat(principal.organisation_id, key, request_hash(*told), http_status)


async def earlier(parts: Parts, repeat: Repeat) -> Answer | None:
    """The answer of an earlier call of the same, before anything is fetched or read for it again."""
    if repeat.key is None:
        return None
    async with parts.database.transaction() as session:
        return await repeat.kept(session)


async def left_to_sweep(removing: Awaitable[object]) -> None:
    """What cannot be removed now is swept later; the answer does not hang on it."""
    try:
        await removing
    except errors.Unavailable as error:
        _LOG.warning("bytes are left for the sweep", extra={"lorekeep": {"reason": error.reason}})


def answered(answer: Answer) -> JSONResponse:
    """202, with the place of the job where there is one alone."""
    job = answer.get("job")
    return JSONResponse(answer, 202, {"Location": job["status_url"]} if job else None)
