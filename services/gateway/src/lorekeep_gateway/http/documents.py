"""Routes of documents, their chunks and their bytes."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, client_calls, errors
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef
from lorekeep_gateway.http.collections import receipt_of
from lorekeep_gateway.http.cursors import Cursor, Limit, cursor_of, place_of
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.schemas import documents as shapes
from lorekeep_gateway.http.schemas.collections import Removed
from lorekeep_gateway.http.schemas.shape import Text, failures
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1/collections/{collection}/documents", tags=["documents"])

Reader = Depends(caller("search", "ingest", "manage"))
Writer = Depends(caller("ingest", "manage"))
_MOST_CHUNKS = 2**31
_BYTES_ANSWER = {
    "description": "The original bytes, as an attachment.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}


@router.get("", responses=failures(404), summary="List documents")
async def page(
    request: Request,
    collection: CollectionRef,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[shapes.Status | None, Query(description="Only documents of this status.")] = None,
    kind: Annotated[shapes.Kind | None, Query(description="Only documents of this kind.")] = None,
    parent: Annotated[
        Text | None, Query(description="Only documents found inside of this one.", min_length=1, max_length=255)
    ] = None,
    principal: Principal = Reader,
) -> shapes.DocumentPage:
    """The documents of a collection, newest first."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    inside = None if parent is None else (await catalogue.document(parts, principal, row["id"], parent))["id"]
    found, further = await catalogue.documents(
        parts, principal, row["id"], limit, cursor, status=status, kind=kind, parent_id=inside
    )
    return shapes.DocumentPage(documents=[shapes.of_row(each) for each in found], next_cursor=further)


@router.get("/{document:path}/chunks", responses=failures(404), summary="List a document's chunks")
async def chunks(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    limit: Limit = 50,
    cursor: Cursor = None,
    principal: Principal = Reader,
) -> shapes.ChunkPage:
    """The passages of the visible version in order; none until it is ready."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    shown = await catalogue.document(parts, principal, row["id"], document)
    space, start = catalogue.space_of(row), _ordinal(cursor)
    if space is None or not shown["visible"]:
        return shapes.ChunkPage(chunks=[], next_cursor=None)
    scope = search_pb2.Scope(
        space=space, collection_id=row["id"], document_id=shown["id"], version_id=shown["version_id"]
    )
    ask = search_pb2.ListChunksRequest(scope=scope, from_ordinal=start, limit=limit)
    with calls.calling_as(principal.calling(row["id"])):
        async with client_calls.translated():
            answer = await parts.callees.search.ListChunks(ask, wait_for_ready=True)
    further = cursor_of(str(answer.chunks[-1].chunk.ordinal + 1)) if len(answer.chunks) == limit else None
    return shapes.ChunkPage(chunks=[shapes.chunk_of(each) for each in answer.chunks], next_cursor=further)


@router.get(
    "/{document:path}/content",
    responses={**failures(404), 200: _BYTES_ANSWER},
    response_class=StreamingResponse,
    summary="Download a document",
)
async def content(
    request: Request, collection: CollectionRef, document: DocumentRef, principal: Principal = Reader
) -> StreamingResponse:
    """The original bytes of the version that is shown. Never rendered by a browser in this origin."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    shown = await catalogue.document(parts, principal, row["id"], document)
    pieces = parts.blobs.read(principal.organisation_id, shown["blob_sha256"], shown["size_bytes"])
    first = await anext(pieces, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(shown['name'], safe='')}",
        "Content-Length": str(shown["size_bytes"]),
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return StreamingResponse(whole(), media_type=shown["media_type"], headers=headers)


@router.get("/{document:path}", responses=failures(404), summary="Show a document")
async def show(
    request: Request, collection: CollectionRef, document: DocumentRef, principal: Principal = Reader
) -> shapes.Document:
    """One document by its id or the caller's own."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    return shapes.of_row(await catalogue.document(parts, principal, row["id"], document))


@router.delete(
    "/{document:path}",
    responses={**failures(404), 202: {"model": Removed, "description": "Hidden; finished in the background."}},
    summary="Delete a document",
)
async def delete(
    request: Request,
    response: Response,
    collection: CollectionRef,
    document: DocumentRef,
    principal: Principal = Writer,
) -> Removed:
    """Deletes a document with all of its versions and with what was found inside of it, which is counted with it.
    Nothing of it is found from now on; a running job of it ends."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    return await removed(parts, principal, row["id"], document, response)


async def removed(parts: Parts, principal: Principal, collection_id: str, document: str, response: Response) -> Removed:
    """Deletes a document of any kind."""
    receipt = await parts.removal(principal).document(collection_id, document)
    return receipt_of(document, receipt, response)


def _ordinal(cursor: str | None) -> int:
    place = place_of(cursor, "0") or ""
    if not place.isdecimal() or int(place) >= _MOST_CHUNKS:
        raise errors.UnprocessableInput("This is no cursor of an earlier page. Begin without one.", field="cursor")
    return int(place)
