"""The route that rebuilds a collection's index."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.versions import Reindexing
from lorekeep_gateway.idempotency import Repeat, checked_key, request_hash
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.rebuilds import enqueue_rebuild

router = APIRouter(prefix="/api/v1/collections/{collection}", tags=["collections"])

Manager = Depends(caller("ingest", "manage"))


@router.post(
    "/reindex",
    status_code=202,
    response_model=Reindexing,
    responses=failures(404, 409),
    summary="Rebuild a collection's index",
)
async def reindex(
    request: Request, collection: CollectionRef, idempotency_key: Key = None, principal: Principal = Manager
) -> JSONResponse:
    """Puts back what the index lacks of the visible documents, from what was read of them; nothing is hidden
    meanwhile. A job for each document, but where one is under way."""
    parts = parts_of(request)
    key = checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    repeat = Repeat(principal.organisation_id, key, request_hash("reindex", row["id"]))
    async with parts.database.transaction() as session:

        async def made() -> dict[str, Any]:
            queued = await enqueue_rebuild(session, principal.organisation_id, row["id"], None, principal.key_id)
            return {"queued": queued}

        answer = await repeat.once(session, made)
    await parts.bell.ring(WORK)
    return JSONResponse(answer, 202)
