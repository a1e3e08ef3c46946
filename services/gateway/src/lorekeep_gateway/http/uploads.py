"""Routes that take documents in."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from lorekeep_chassis.calls import Lane
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.reception import accepted, answered, taking_in
from lorekeep_gateway.http.schemas import uploads as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.idempotency import checked_key
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1/collections/{collection}", tags=["documents"])

Ingester = Depends(caller("ingest"))


@router.post(
    "/documents",
    status_code=202,
    response_model=shapes.Upload,
    responses=failures(404, 409, 413, 415, 429),
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
    async with taking_in(parts, principal, row) as intake:
        outcomes = [await forms.single(request, intake)]
        return answered(await accepted(parts, principal, row, outcomes, key))


@router.post(
    "/documents:batch",
    status_code=202,
    response_model=shapes.BatchUpload,
    responses=failures(404, 409, 413, 415, 429),
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
    async with taking_in(parts, principal, row) as intake:
        outcomes = await forms.batch(request, intake)
        return answered(await accepted(parts, principal, row, outcomes, key, shapes.batch_of, Lane.BULK))
