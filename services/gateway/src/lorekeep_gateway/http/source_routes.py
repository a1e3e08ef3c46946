"""What the routes of every kind of source have in common: list, show, delete."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef, Row
from lorekeep_gateway.http.cursors import Cursor, Limit
from lorekeep_gateway.http.documents import removed
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.schemas.collections import Removed
from lorekeep_gateway.http.schemas.shape import Shape, failures
from lorekeep_gateway.keys import Principal

Ingester = Depends(caller("ingest"))
Reader = Depends(caller("search", "ingest", "manage"))
Writer = Depends(caller("ingest", "manage"))
_DELETED: dict[int | str, dict[str, Any]] = {
    202: {"model": Removed, "description": "Hidden; finished in the background."}
}


@dataclass(frozen=True)
class Kind:
    """A kind of source: the word that rows have, how people call one and many, and how one is listed and shown.

    `page` is the answer of a list, which has the sources under `many_field`; `whole` is what `show` gives, by default
    as in a list.
    """

    name: str
    one: str
    many: str
    many_field: str
    page: type[Shape]
    listed: Callable[[Row], Shape]
    shape: type[Shape]
    whole: Callable[[Parts, Principal, Row], Awaitable[Shape]] | None = None


def answer_for(kind: Kind, router: APIRouter) -> None:
    """Adds the routes to `router`, whose prefix is that of the kind."""
    _list(kind, router)
    _show(kind, router)
    _delete(kind, router)


def _list(kind: Kind, router: APIRouter) -> None:
    @router.get("", response_model=kind.page, responses=failures(404), summary=f"List {kind.many}")
    async def page(
        request: Request,
        collection: CollectionRef,
        limit: Limit = 50,
        cursor: Cursor = None,
        principal: Principal = Reader,
    ) -> Shape:
        """Those of a collection, newest first."""
        parts = parts_of(request)
        row = await catalogue.collection(parts, principal, collection)
        found, further = await catalogue.documents(parts, principal, row["id"], limit, cursor, kind=kind.name)
        return kind.page(**{kind.many_field: [kind.listed(each) for each in found], "next_cursor": further})


def _show(kind: Kind, router: APIRouter) -> None:
    @router.get("/{document:path}", response_model=kind.shape, responses=failures(404), summary=f"Show a {kind.one}")
    async def show(
        request: Request, collection: CollectionRef, document: DocumentRef, principal: Principal = Reader
    ) -> Shape:
        """One by its id or the caller's own."""
        parts = parts_of(request)
        row = await catalogue.collection(parts, principal, collection)
        shown = await catalogue.document(parts, principal, row["id"], document, kind.name)
        return kind.listed(shown) if kind.whole is None else await kind.whole(parts, principal, shown)


def _delete(kind: Kind, router: APIRouter) -> None:
    @router.delete("/{document:path}", responses={**failures(404), **_DELETED}, summary=f"Delete a {kind.one}")
    async def delete(
        request: Request,
        response: Response,
        collection: CollectionRef,
        document: DocumentRef,
        principal: Principal = Writer,
    ) -> Removed:
        """Deletes it with all of its versions. Nothing of it is found from now on."""
        parts = parts_of(request)
        row = await catalogue.collection(parts, principal, collection)
        await catalogue.document(parts, principal, row["id"], document, kind.name)
        return await removed(parts, principal, row["id"], document, response)
