"""Routes that take documents in."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from lorekeep_chassis.calls import Lane
from lorekeep_gateway.acceptance import Acceptance, Outcome, Render
from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, Row
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.schemas import uploads as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.idempotency import Answer, checked_key
from lorekeep_gateway.intake import Intake
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1/collections/{collection}", tags=["documents"])

Ingester = Depends(caller("ingest"))


@router.post(
    "/documents",
    status_code=202,
    response_model=shapes.Upload,
    responses=failures(404, 409, 413, 415),
    openapi_extra=shapes.single_body(),
    summary="Upload a document",
)
async def upload(
    request: Request, collection: CollectionRef, idempotency_key: Key = None, principal: Principal = Ingester
) -> JSONResponse:
    """Takes a file as a form, or a text as JSON. Its type is told from the content; 202 means that it is kept."""
    parts = parts_of(request)
    key = checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with _taking_in(parts, principal, row) as intake:
        outcomes = [await forms.single(request, intake)]
        answer = await _accepted(parts, principal, row, outcomes, key, shapes.single_of)
    return JSONResponse(answer, 202, {"Location": answer["job"]["status_url"]})


@router.post(
    "/documents:batch",
    status_code=202,
    response_model=shapes.BatchUpload,
    responses=failures(404, 409, 413, 415),
    openapi_extra=shapes.batch_body(),
    summary="Upload several documents",
)
async def upload_batch(
    request: Request, collection: CollectionRef, idempotency_key: Key = None, principal: Principal = Ingester
) -> JSONResponse:
    """Takes up to 100 files or texts, 90 MB in all. Each has its own result; a bad one stops no other."""
    parts = parts_of(request)
    key = checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with _taking_in(parts, principal, row) as intake:
        outcomes = await forms.batch(request, intake)
        answer = await _accepted(parts, principal, row, outcomes, key, shapes.batch_of, Lane.BULK)
    return JSONResponse(answer, 202)


@asynccontextmanager
async def _taking_in(parts: Parts, principal: Principal, row: Row) -> AsyncIterator[Intake]:
    """An intake for a collection. What it staged is gone at the end, but for what a document came to need."""
    settings = parts.settings
    intake = Intake(
        parts.blobs,
        principal.organisation_id,
        row["metadata_schema"],
        settings.max_file_size,
        settings.max_text_chars,
    )
    with parts.uploads.passed():
        try:
            yield intake
        except BaseException:
            for each in intake.staged:
                await parts.removal(principal).forget_blob(each.blob.sha256)
            raise
        finally:
            for each in intake.staged:
                await parts.blobs.discard(each)


async def _accepted(
    parts: Parts,
    principal: Principal,
    row: Row,
    outcomes: Sequence[Outcome],
    key: str | None,
    render: Render,
    lane: Lane = Lane.INTERACTIVE,
) -> Answer:
    acceptance = Acceptance(parts.database, parts.blobs, principal, row["id"], lane)
    answer = await acceptance.accept(outcomes, key, render)
    await parts.bell.ring(WORK)
    return answer
