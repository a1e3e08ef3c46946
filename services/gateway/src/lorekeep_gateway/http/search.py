"""Routes of search."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, client_calls, errors, tracing
from lorekeep_gateway import filters
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, Row
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.schemas import search as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.telemetry import TIMINGS
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1", tags=["search"])

Searcher = Depends(caller("search"))


@router.post("/collections/{collection}/search", responses=failures(404), summary="Search a collection")
async def one(
    body: shapes.Search, request: Request, collection: CollectionRef, principal: Principal = Searcher
) -> shapes.Found:
    """Finds the passages of a collection that answer a query best."""
    return await _found(body, request, principal, [collection])


@router.post("/search", responses=failures(404), summary="Search several collections")
async def several(body: shapes.SearchAcross, request: Request, principal: Principal = Searcher) -> shapes.Found:
    """Finds the best passages of several collections, which must be indexed by one embedding model."""
    return await _found(body, request, principal, body.collections)


async def _found(body: shapes.Search, request: Request, principal: Principal, names: Sequence[str]) -> shapes.Found:
    parts = parts_of(request)
    with parts.queries.passed(principal.organisation_id):
        rows = await catalogue.collections(parts, principal, names)
        chosen = filters.to_proto(body.filter or {}, _schema_of(rows))
        indexed = [row for row in rows if row["model"] is not None]
        hits = await _hits(parts, principal, request, indexed, body, chosen) if indexed else []
    by_id = {row["id"]: row["name"] for row in rows}
    shown = [shapes.hit_of(each, by_id[each.chunk.collection_id]) for each in hits]
    return shapes.Found(hits=shown, next_cursor=None, trace_id=tracing.trace_id())


async def _hits(
    parts: Parts,
    principal: Principal,
    request: Request,
    rows: list[Row],
    body: shapes.Search,
    chosen: search_pb2.Filter | None,
) -> list[search_pb2.Hit]:
    targets = [
        search_pb2.Target(collection_id=row["id"], generation_id=row["generation_id"], epoch=row["epoch"])
        for row in rows
    ]
    asked = shapes.request_to(body, _space_of(rows), targets, chosen)
    context = principal.calling(rows[0]["id"] if len(rows) == 1 else "")
    with calls.calling_as(context):
        async with client_calls.translated():
            answer = await parts.callees.search.Search(asked, wait_for_ready=True)
    request.scope[TIMINGS] += [(each.stage, each.duration_ms) for each in answer.stages]
    targeted = {row["id"] for row in rows}
    hits = [each for each in answer.hits if each.chunk.collection_id in targeted]
    return await _without_deleted(parts, principal, hits) if any(row["has_leftovers"] for row in rows) else hits


async def _without_deleted(parts: Parts, principal: Principal, hits: list[search_pb2.Hit]) -> list[search_pb2.Hit]:
    """A document that is being deleted is hidden even where the index has not heard of it yet."""
    async with parts.database.session() as session:
        rows = await session(
            "documents_alive",
            organisation_id=principal.organisation_id,
            ids=list({each.chunk.document_id for each in hits}),
        )
    alive = {row["id"] for row in rows}
    return [each for each in hits if each.chunk.document_id in alive]


def _space_of(rows: list[Row]) -> search_pb2.IndexSpace:
    spaces = [catalogue.space_of(row) for row in rows]
    first = spaces[0]
    if first is None or any(each != first for each in spaces):
        raise errors.UnprocessableInput(
            "These collections are indexed by different embedding models. Search them one by one.",
            reason="different_models",
            field="collections",
        )
    return first


def _schema_of(rows: list[Row]) -> dict[str, str]:
    """The fields that all collections declare with one type."""
    shared = dict(rows[0]["metadata_schema"])
    for row in rows[1:]:
        shared = {name: kind for name, kind in shared.items() if row["metadata_schema"].get(name) == kind}
    return shared
