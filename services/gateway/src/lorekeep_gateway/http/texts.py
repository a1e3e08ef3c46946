"""Routes of texts."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lorekeep_gateway import sources
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef, Row
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.reception import accepted, accepted_as, answered, repeat_of, taking_in
from lorekeep_gateway.http.schemas import sources as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.uploads import Upload
from lorekeep_gateway.http.source_routes import Ingester, Kind, answer_for
from lorekeep_gateway.idempotency import checked_key
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.sources import Description

router = APIRouter(prefix="/api/v1/collections/{collection}/texts", tags=["sources"])


async def _whole(parts: Parts, principal: Principal, row: Row) -> shapes.WholeText:
    """With what it says."""
    content = parts.blobs.read(principal.organisation_id, row["blob_sha256"])
    return shapes.whole_text_of(row, await sources.content_of(content, parts.settings.max_text_chars))


KIND = Kind("text", "text", "texts", "texts", shapes.TextPage, shapes.text_of, shapes.WholeText, _whole)


@router.post(
    "",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.json_body(shapes.NewText),
    summary="Add a text",
)
async def create(
    request: Request,
    collection: CollectionRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Takes a text as a document. The same id again makes a new version; the same text under it makes nothing."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.NewText)
        told = Description(body.metadata, body.document_id)
        submission = await sources.text(intake, body.text, body.title, told)
        return answered(await accepted(parts, principal, row, [submission], key))


@router.patch(
    "/{document:path}",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.json_body(shapes.TextChange),
    summary="Change a text",
)
async def change(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Changes the text, its title or its metadata: a new version, which is shown once it is ready."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.TextChange)
        version = await catalogue.newest_version(parts, principal, row["id"], document, KIND.name)
        submission = sources.changed(intake, version, body.title, body.metadata)
        if body.text is not None:
            staged, media_type = await intake.text(body.text)
            submission = replace(submission, staged=staged, media_type=media_type)
        repeat = repeat_of(principal, key, "change", row["id"], document, body.model_dump())
        return answered(await accepted_as(parts, principal, row, submission, repeat))


answer_for(KIND, router)
