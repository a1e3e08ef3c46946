"""Routes of a document's versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse

from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas import versions as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.uploads import Upload
from lorekeep_gateway.idempotency import Repeat, checked_key, request_hash
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.restores import Restored, restore

router = APIRouter(prefix="/api/v1/collections/{collection}/documents/{document:path}/versions", tags=["documents"])

Reader = Depends(caller("search", "ingest", "manage"))
Ingester = Depends(caller("ingest"))
Number = Annotated[int, Path(description="Number of the version.", ge=1, le=2**31 - 1)]


@router.get("", responses=failures(404), summary="List a document's versions")
async def listed(
    request: Request, collection: CollectionRef, document: DocumentRef, principal: Principal = Reader
) -> shapes.VersionList:
    """The last three versions that were shown, what is under way, and the newest if it failed; newest first."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    shown = await catalogue.document(parts, principal, row["id"], document)
    async with parts.database.session() as session:
        rows = await session("versions_listed", organisation_id=principal.organisation_id, document_id=shown["id"])
    return shapes.VersionList(versions=[shapes.of_row(each) for each in rows])


@router.post(
    "/{number}/restore",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409),
    summary="Restore a version",
)
async def bring_back(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    number: Number,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Makes an older version the newest, without reading it again. What is visible stays so until that is whole."""
    parts = parts_of(request)
    key = checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    repeat = Repeat(principal.organisation_id, key, request_hash("restore", row["id"], document, number))
    async with parts.database.transaction() as session:

        async def made() -> dict[str, Any]:
            return _answer(await restore(session, principal, row["id"], document, number))

        answer = await repeat.once(session, made)
    await parts.bell.ring(WORK)
    return JSONResponse(answer, 202, {"Location": answer["job"]["status_url"]})


def _answer(restored: Restored) -> dict[str, Any]:
    document = {
        "id": restored.document_id,
        "status": restored.status,
        "name": restored.name,
        "version": restored.version,
    }
    job = {"id": restored.job_id, "status": "queued", "status_url": f"/api/v1/jobs/{restored.job_id}"}
    return {"document": document, "job": job}
