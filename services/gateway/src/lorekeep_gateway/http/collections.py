"""Routes of collections."""

from collections.abc import Mapping
from typing import Any

import asyncpg
from fastapi import APIRouter, Depends, Request, Response

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, client_calls, errors
from lorekeep_gateway import chunking, metadata, organisations
from lorekeep_gateway.chunking import merged
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef
from lorekeep_gateway.http.cursors import Cursor, Limit, cursor_of, place_of
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.reception import repeat_of
from lorekeep_gateway.http.schemas import collections as shapes
from lorekeep_gateway.http.schemas.reading import ChunkingAsked, ReadingAsked
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.idempotency import Answer, Repeat, checked_key
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.removal import Receipt
from lorekeep_gateway.store.database import Session

router = APIRouter(prefix="/api/v1/collections", tags=["collections"])

Manager = Depends(caller("manage"))
Reader = Depends(caller("search", "ingest", "manage"))


@router.post("", status_code=201, responses=failures(409), summary="Make a collection")
async def create(
    body: shapes.NewCollection,
    request: Request,
    response: Response,
    idempotency_key: Key = None,
    principal: Principal = Manager,
) -> shapes.Collection:
    """Makes an empty collection. 409 where the workspace has one of that name; 403 for a key bound to collections; 422
    where its chunks would be longer than the embedding model takes."""
    parts = parts_of(request)
    if principal.collection_ids is not None:
        raise errors.PermissionDenied("The key is bound to its collections and makes no others.", reason="bound_key")
    metadata.checked_schema(body.metadata_schema)
    await _check(parts, _asked(body.chunking))
    key, told = checked_key(idempotency_key), ("collection", principal.workspace_id, body.model_dump())
    made = await _add(parts, principal, body, repeat_of(principal, key, *told, http_status=201))
    response.headers["Location"] = f"/api/v1/collections/{made.id}"
    return made


@router.get("", responses=failures(), summary="List collections")
async def page(
    request: Request, limit: Limit = 50, cursor: Cursor = None, principal: Principal = Reader
) -> shapes.CollectionPage:
    """The collections that the key may see, oldest first."""
    async with parts_of(request).database.session() as session:
        rows = await session(
            "collections_page",
            organisation_id=principal.organisation_id,
            workspace_id=principal.workspace_id,
            allowed=principal.allowed,
            after=place_of(cursor, ""),
            limit=limit + 1,
        )
    further = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    shown = [await _shown(parts_of(request), row) for row in rows[:limit]]
    return shapes.CollectionPage(collections=shown, next_cursor=further)


@router.get("/{collection}", responses=failures(404), summary="Show a collection")
async def show(request: Request, collection: CollectionRef, principal: Principal = Reader) -> shapes.Collection:
    """One collection by name or id."""
    parts = parts_of(request)
    return await _shown(parts, await catalogue.collection(parts, principal, collection))


@router.patch("/{collection}", responses=failures(404, 409), summary="Change a collection")
async def change(
    body: shapes.CollectionChange, request: Request, collection: CollectionRef, principal: Principal = Manager
) -> shapes.Collection:
    """Changes the name, adds fields to the metadata schema, or says how documents are cut and read. A declared field
    keeps its type; chunking is fixed once the first document was indexed."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    added = metadata.checked_schema(body.metadata_schema or {})
    if body.chunking is not None and row["generation_id"] is None:
        await _check(parts, merged(row["chunking"], body.chunking.asked))
    await _prepare(parts, principal, row, added)
    await _change(parts, principal, row["id"], body, added)
    return await _shown(parts, await catalogue.collection(parts, principal, row["id"]))


@router.delete(
    "/{collection}",
    responses={**failures(404), 202: {"model": shapes.Removed, "description": "Hidden; finished in the background."}},
    summary="Delete a collection",
)
async def delete(
    request: Request, response: Response, collection: CollectionRef, principal: Principal = Manager
) -> shapes.Removed:
    """Deletes a collection with all of its documents. Nothing of it is found from now on."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    receipt = await parts.removal(principal).collection(row["id"])
    return receipt_of(row["id"], receipt, response)


def receipt_of(public_id: str, receipt: Receipt, response: Response) -> shapes.Removed:
    """A receipt as it is shown; 202 where the janitor goes on."""
    response.status_code = 200 if receipt.finished else 202
    return shapes.Removed(
        id=public_id,
        status="deleted" if receipt.finished else "deleting",
        removed=shapes.RemovedCounts(**receipt.counts),
    )


async def _add(parts: Parts, principal: Principal, body: shapes.NewCollection, repeat: Repeat) -> shapes.Collection:
    mine = {"organisation_id": principal.organisation_id, "workspace_id": principal.workspace_id}
    told = {"name": body.name, "metadata_schema": body.metadata_schema}
    cut, read = _asked(body.chunking), _asked(body.reading)
    window_tokens = await parts.models.window_tokens()
    try:
        async with parts.database.transaction() as session:

            async def made() -> Answer:
                collection_id = new_id("col")
                await session("collection_add", id=collection_id, **mine, **told, chunking=cut, reading=read)
                await _audited(session, principal, "collection.created", collection_id, name=body.name)
                (row,) = await session("collections_found", **mine, references=[collection_id], allowed=None)
                return shapes.of_row(row, parts.chunking, window_tokens).model_dump(mode="json")

            return shapes.Collection.model_validate(await repeat.once(session, made))
    except asyncpg.UniqueViolationError:
        raise _taken(body.name) from None


async def _change(
    parts: Parts, principal: Principal, collection_id: str, body: shapes.CollectionChange, added: dict[str, str]
) -> None:
    name = body.name
    try:
        async with parts.database.transaction() as session:
            row = await session("collection_lock", organisation_id=principal.organisation_id, id=collection_id)
            if row is None:
                raise errors.NotFound("There is no such collection.", reason="collection_not_found")
            await session(
                "collection_change",
                organisation_id=principal.organisation_id,
                id=collection_id,
                name=name or row["name"],
                metadata_schema=_merged(row["metadata_schema"], added),
                chunking=_rechunked(row, body.chunking),
                reading=row["reading"] if body.reading is None else merged(row["reading"], body.reading.asked),
            )
            changed = body.model_dump(include={"name", "chunking", "reading"}, exclude_none=True, exclude_unset=True)
            await _audited(session, principal, "collection.changed", collection_id, **changed, fields=sorted(added))
    except asyncpg.UniqueViolationError:
        raise _taken(name or "") from None


async def _shown(parts: Parts, row: Mapping[str, Any]) -> shapes.Collection:
    window_tokens = None if row["generation_id"] is not None else await parts.models.window_tokens()
    return shapes.of_row(row, parts.chunking, window_tokens)


def _asked(given: ChunkingAsked | ReadingAsked | None) -> dict[str, Any]:
    return {} if given is None else merged({}, given.asked)


async def _check(parts: Parts, asked: Mapping[str, Any]) -> None:
    """Refuses sizes that do not suit the model; the embedder is only asked where some were asked for."""
    if chunking.sizes_asked(asked):
        model = await parts.models.named()
        parts.chunking.resolved(asked, model.window_tokens).check(asked, model)


def _rechunked(row: Mapping[str, Any], change: ChunkingAsked | None) -> dict[str, Any]:
    """What a held collection asks for after a change; AlreadyExists where its index was built already."""
    asked = row["chunking"] if change is None else merged(row["chunking"], change.asked)
    if asked != row["chunking"] and row["generation_id"] is not None:
        raise errors.AlreadyExists(
            "The collection's documents are cut and indexed already. Make another collection with this chunking and "
            "upload them there.",
            reason="chunking_fixed",
            field="chunking",
        )
    return dict(asked)


async def _audited(session: Session, principal: Principal, event: str, target: str, **detail: Any) -> None:
    await organisations.audit(
        session,
        principal.organisation_id,
        event,
        target,
        actor=principal.key_id,
        address=principal.address,
        detail=detail,
    )


async def _prepare(parts: Parts, principal: Principal, row: catalogue.Row, added: dict[str, str]) -> None:
    """Builds the index of new fields where there is an index already; the first document's job does it else."""
    merged = _merged(row["metadata_schema"], added)
    space = catalogue.space_of(row)
    if space is None or merged == row["metadata_schema"]:
        return
    ask = search_pb2.PrepareRequest(space=space, fields=metadata.fields(merged))
    with calls.calling_as(principal.calling(row["id"])):
        async with client_calls.translated():
            await parts.callees.search.Prepare(ask, wait_for_ready=True)


def _merged(declared: dict[str, str], added: dict[str, str]) -> dict[str, str]:
    for name, kind in added.items():
        if declared.get(name, kind) != kind:
            raise errors.AlreadyExists(
                f"The field is declared as {declared[name]} and keeps its type. Take another name.",
                reason="field_declared",
                field=f"metadata_schema.{name}",
            )
    return metadata.checked_schema({**declared, **added})


def _taken(name: str) -> errors.AlreadyExists:
    return errors.AlreadyExists(f"There is a collection named {name} already. Take another name.", field="name")
