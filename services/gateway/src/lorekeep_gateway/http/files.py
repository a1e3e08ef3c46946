"""Routes of files."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lorekeep_gateway import sources
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.reception import accepted, accepted_as, answered, repeat_of, taking_in
from lorekeep_gateway.http.schemas import sources as shapes
from lorekeep_gateway.http.schemas.documents import Document, of_row
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.uploads import Upload, file_body
from lorekeep_gateway.http.source_routes import Ingester, Kind, answer_for
from lorekeep_gateway.idempotency import checked_key
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1/collections/{collection}/files", tags=["sources"])


KIND = Kind("file", "file", "files", "files", shapes.FilePage, of_row, Document)


@router.post(
    "",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=file_body(),
    summary="Upload a file",
)
async def create(
    request: Request,
    collection: CollectionRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Takes a file as a form, as `documents` does. Its type is told from the content; 202 means that it is kept."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        return answered(await accepted(parts, principal, row, [await forms.file(request, intake)], key))


@router.patch(
    "/{document:path}",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.json_body(shapes.FileChange),
    summary="Rename a file or change its metadata",
)
async def change(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Changes the name or the metadata: a new version over the same bytes, which is shown once it is ready."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.FileChange)
        version = await catalogue.newest_version(parts, principal, row["id"], document, KIND.name)
        submission = sources.changed(intake, version, body.name, body.metadata)
        repeat = repeat_of(principal, key, "change", row["id"], document, body.model_dump())
        return answered(await accepted_as(parts, principal, row, submission, repeat))


answer_for(KIND, router)
