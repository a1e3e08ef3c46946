"""Finding what a path or a body names, within what the caller may see. Unknown and foreign are the same 404."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.http.cursors import cursor_of, place_of
from lorekeep_gateway.http.parts import Parts
from lorekeep_gateway.keys import Principal

CollectionRef = Annotated[str, Path(description="Collection by name or id.", min_length=1, max_length=64)]
DocumentRef = Annotated[str, Path(description="Document by its id or the caller's own.", min_length=1, max_length=255)]

Row = dict[str, Any]


async def collections(parts: Parts, principal: Principal, references: Sequence[str]) -> list[Row]:
    """The collections of those names or ids in the order named, each once; NotFound names the first that is unknown."""
    async with parts.database.session() as session:
        rows = await session(
            "collections_found",
            organisation_id=principal.organisation_id,
            workspace_id=principal.workspace_id,
            allowed=principal.allowed,
            references=list(references),
        )
    known = {row["name"]: dict(row) for row in rows} | {row["id"]: dict(row) for row in rows}
    for reference in references:
        if reference not in known:
            raise errors.NotFound(
                f"There is no collection {reference[:64]}. List them with GET /api/v1/collections.",
                reason="collection_not_found",
            )
    return list({known[each]["id"]: known[each] for each in references}.values())


async def collection(parts: Parts, principal: Principal, reference: str) -> Row:
    """The collection of that name or id."""
    (row,) = await collections(parts, principal, [reference])
    return row


async def documents(
    parts: Parts, principal: Principal, collection_id: str, limit: int, cursor: str | None, **only: str | None
) -> tuple[list[Row], str | None]:
    """A page of a collection's documents, newest first, and the cursor of the next; `only` of a status, a kind or a
    parent."""
    async with parts.database.session() as session:
        rows = await session(
            "documents_page",
            organisation_id=principal.organisation_id,
            collection_id=collection_id,
            before=place_of(cursor, None),
            limit=limit + 1,
            **{"status": None, "kind": None, "parent_id": None, **only},
        )
    further = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return [dict(row) for row in rows[:limit]], further


async def document(
    parts: Parts, principal: Principal, collection_id: str, public_id: str, kind: str | None = None
) -> Row:
    """The document of that id in a collection; NotFound too where it is of another kind than the one asked for."""
    async with parts.database.session() as session:
        row = await session(
            "document_shown",
            organisation_id=principal.organisation_id,
            collection_id=collection_id,
            public_id=public_id,
        )
    return _of_kind(row, kind)


async def newest_version(parts: Parts, principal: Principal, collection_id: str, public_id: str, kind: str) -> Row:
    """The newest version of a document of that kind, visible or not: what a change is made to."""
    async with parts.database.session() as session:
        row = await session(
            "upload_newest",
            organisation_id=principal.organisation_id,
            collection_id=collection_id,
            public_id=public_id,
        )
    return _of_kind(row, kind)


def _of_kind(row: Row | None, kind: str | None) -> Row:
    if row is None or kind not in (None, row["kind"]):
        raise errors.NotFound("There is no such document in this collection.", reason="document_not_found")
    return dict(row)


def space_of(row: Row) -> search_pb2.IndexSpace | None:
    """The index space of a collection's live generation, None where nothing was indexed yet."""
    if row["model"] is None:
        return None
    return search_pb2.IndexSpace(**{name: row[name] for name in ("model", "fingerprint", "dimensions", "distance")})
