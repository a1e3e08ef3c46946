"""Routes of uploads in parts: begin, send parts in any order, complete."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import JSONResponse

from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, Row
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.reception import acceptance_of, answered, earlier, repeat_of, taking_in
from lorekeep_gateway.http.schemas import staged_uploads as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.sources import json_body
from lorekeep_gateway.http.schemas.uploads import Upload, single_of
from lorekeep_gateway.idempotency import Answer, Repeat, checked_key
from lorekeep_gateway.intake import Submission
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.staged_uploads import Plan, StagedUploads, planned

router = APIRouter(prefix="/api/v1/collections/{collection}/uploads", tags=["uploads in parts"])

Ingester = Depends(caller("ingest"))
UploadRef = Annotated[str, Path(description="Upload by its id.", min_length=1, max_length=64)]
PartNumber = Annotated[int, Path(description="Number of the part, from 1.", ge=1, le=2**31 - 1)]
Sha256 = Annotated[
    str | None,
    Header(
        alias="X-Content-SHA256",
        pattern=r"^[0-9a-fA-F]{64}$",
        description="SHA-256 of the part as 64 hex digits; a part that has another is refused.",
    ),
]
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_PART_BODY = {"requestBody": {"required": True, "content": _BINARY}}


@router.post(
    "",
    status_code=201,
    response_model=shapes.StagedUploadAnswer,
    responses=failures(404, 409, 413, 429),
    openapi_extra=json_body(shapes.NewStagedUpload),
    summary="Begin an upload in parts",
)
async def begin(
    request: Request, collection: CollectionRef, idempotency_key: Key = None, principal: Principal = Ingester
) -> JSONResponse:
    """Tells name and size of a file that is sent in parts of 8 MiB, each of which may be sent again if need be."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.NewStagedUpload)
        given = Plan(body.name, body.size_bytes, body.sha256, body.document_id or "", body.metadata or {}, body.reading)
        plan = planned(intake, given)
    repeat = repeat_of(principal, key, "upload", row["id"], body.model_dump(), http_status=201)
    answer = await _begun(parts, _uploads(parts, principal, row), plan, repeat)
    place = f"/api/v1/collections/{row['id']}/uploads/{answer['upload']['id']}"
    return JSONResponse(answer, 201, {"Location": place})


@router.get("/{upload}", responses=failures(404), summary="Show an upload in parts")
async def show(
    request: Request, collection: CollectionRef, upload: UploadRef, principal: Principal = Ingester
) -> shapes.StagedUploadAnswer:
    """Which parts have been received; whoever was interrupted sends the rest."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    shown = await _uploads(parts, principal, row).shown(upload)
    return shapes.StagedUploadAnswer.model_validate(shapes.answer_of(shown))


@router.put("/{upload}/parts/{number}", responses=failures(404, 413), openapi_extra=_PART_BODY, summary="Send a part")
async def receive(
    request: Request,
    collection: CollectionRef,
    upload: UploadRef,
    number: PartNumber,
    sha256: Sha256 = None,
    principal: Principal = Ingester,
) -> shapes.StagedUploadAnswer:
    """Takes the raw bytes of a part, of exactly its size, in place of what was sent for it before."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    with parts.uploads.passed(principal.organisation_id):
        shown = await _uploads(parts, principal, row).receive(upload, number, request.stream(), sha256)
    return shapes.StagedUploadAnswer.model_validate(shapes.answer_of(shown))


@router.post(
    "/{upload}/complete",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 415, 429),
    summary="Complete an upload in parts",
)
async def complete(
    request: Request,
    collection: CollectionRef,
    upload: UploadRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Puts the parts together and takes them as a document. Completing again gives the same answer for 24 hours."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    uploads = _uploads(parts, principal, row)
    repeat = repeat_of(principal, key, "complete", row["id"], upload)
    once = repeat_of(principal, f"complete {row['id']} {upload}", "complete", row["id"], upload)
    if kept := await earlier(parts, repeat) or await earlier(parts, once):
        return answered(kept)
    async with taking_in(parts, principal, row) as intake:
        submission = await uploads.assembled(await uploads.shown(upload), intake)
        answer = await _completed(parts, uploads, row, upload, submission, (repeat, once))
    await parts.bell.ring(WORK)
    await uploads.clear(upload)
    return answered(answer)


@router.delete("/{upload}", responses=failures(404), summary="Give an upload up")
async def delete(
    request: Request, collection: CollectionRef, upload: UploadRef, principal: Principal = Ingester
) -> shapes.Ended:
    """Forgets the parts that were received."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    uploads = _uploads(parts, principal, row)
    async with parts.database.transaction() as session:
        await uploads.end(session, upload)
    await uploads.clear(upload)
    return shapes.Ended(id=upload, status="deleted")


def _uploads(parts: Parts, principal: Principal, row: Row) -> StagedUploads:
    return StagedUploads(parts.database, parts.blobs, principal, row["id"])


async def _begun(parts: Parts, uploads: StagedUploads, plan: Plan, repeat: Repeat) -> Answer:
    async with parts.database.transaction() as session:

        async def made() -> Answer:
            return shapes.answer_of(await uploads.begin(session, plan, parts.settings.upload_expiry_seconds))

        return await repeat.once(session, made)


async def _completed(
    parts: Parts,
    uploads: StagedUploads,
    row: Row,
    upload: str,
    submission: Submission,
    repeats: tuple[Repeat, Repeat],
) -> Answer:
    """The document that the parts make, under the caller's key and under the upload itself."""
    repeat, once = repeats
    acceptance = acceptance_of(parts, uploads.principal, row)
    async with parts.database.transaction() as session:

        async def made() -> Answer:
            await uploads.end(session, upload)
            return single_of(await acceptance.accept(session, [submission]))

        return await repeat.once(session, lambda: once.once(session, made))
