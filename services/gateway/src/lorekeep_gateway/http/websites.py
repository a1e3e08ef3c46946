"""Routes of web pages."""

from dataclasses import replace

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from lorekeep_gateway import sources
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef, Row
from lorekeep_gateway.http.cursors import Cursor, Limit
from lorekeep_gateway.http.documents import removed
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.reception import accepted_as, answered, earlier, repeat_of, taking_in
from lorekeep_gateway.http.schemas import sources as shapes
from lorekeep_gateway.http.schemas.collections import Removed
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.uploads import Upload
from lorekeep_gateway.idempotency import Answer, Repeat, checked_key
from lorekeep_gateway.intake import Intake
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.sources import Description

router = APIRouter(prefix="/api/v1/collections/{collection}/websites", tags=["sources"])

Ingester = Depends(caller("ingest"))
Reader = Depends(caller("search", "ingest", "manage"))
Writer = Depends(caller("ingest", "manage"))
_KIND = "website"


@router.post(
    "",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.json_body(shapes.NewWebsite),
    summary="Add a web page",
)
async def create(
    request: Request,
    collection: CollectionRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Fetches a page at once and takes it as a document. Private addresses are refused; redirects are followed."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.NewWebsite)
        repeat = repeat_of(principal, key, "website", row["id"], body.model_dump())
        if kept := await earlier(parts, repeat):
            return answered(kept)
        told = Description(body.metadata, body.document_id)
        return answered(await _fetched(parts, principal, row, intake, body.url, told, repeat))


@router.get("", responses=failures(404), summary="List web pages")
async def page(
    request: Request,
    collection: CollectionRef,
    limit: Limit = 50,
    cursor: Cursor = None,
    principal: Principal = Reader,
) -> shapes.WebsitePage:
    """The web pages of a collection, newest first."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    found, further = await catalogue.documents(parts, principal, row["id"], limit, cursor, kind=_KIND)
    return shapes.WebsitePage(websites=[shapes.website_of(each) for each in found], next_cursor=further)


@router.get("/{document:path}", responses=failures(404), summary="Show a web page")
async def show(
    request: Request, collection: CollectionRef, document: DocumentRef, principal: Principal = Reader
) -> shapes.WebsiteShown:
    """One by its id or the caller's own."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    return shapes.website_of(await catalogue.document(parts, principal, row["id"], document, _KIND))


@router.post(
    "/{document:path}/refresh",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    summary="Fetch a web page again",
)
async def refresh(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Fetches the page again. Where it says the same nothing is made; else a new version, shown once it is ready."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        version = await catalogue.newest_version(parts, principal, row["id"], document, _KIND)
        repeat = repeat_of(principal, key, "refresh", row["id"], document)
        if kept := await earlier(parts, repeat):
            return answered(kept)
        told = Description(version["metadata"], version["public_id"])
        url = version["source"]["url"]
        return answered(await _fetched(parts, principal, row, intake, url, told, repeat, version["number"]))


@router.patch(
    "/{document:path}",
    status_code=202,
    response_model=Upload,
    responses=failures(404, 409, 413, 415, 429),
    openapi_extra=shapes.json_body(shapes.WebsiteChange),
    summary="Change a web page",
)
async def change(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    idempotency_key: Key = None,
    principal: Principal = Ingester,
) -> JSONResponse:
    """Changes the metadata, or the URL, which is fetched at once: a new version, shown once it is ready."""
    parts, key = parts_of(request), checked_key(idempotency_key)
    row = await catalogue.collection(parts, principal, collection)
    async with taking_in(parts, principal, row) as intake:
        body = await forms.body(request, shapes.WebsiteChange)
        version = await catalogue.newest_version(parts, principal, row["id"], document, _KIND)
        repeat = repeat_of(principal, key, "change", row["id"], document, body.model_dump())
        if kept := await earlier(parts, repeat):
            return answered(kept)
        if body.url is None:
            submission = sources.changed(intake, version, None, body.metadata)
            return answered(await accepted_as(parts, principal, row, submission, repeat))
        told = Description(sources.merged(version, body.metadata), version["public_id"])
        return answered(await _fetched(parts, principal, row, intake, body.url, told, repeat, version["number"]))


@router.delete(
    "/{document:path}",
    responses={**failures(404), 202: {"model": Removed, "description": "Hidden; finished in the background."}},
    summary="Delete a web page",
)
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
    await catalogue.document(parts, principal, row["id"], document, _KIND)
    return await removed(parts, principal, row["id"], document, response)


async def _fetched(
    parts: Parts,
    principal: Principal,
    row: Row,
    intake: Intake,
    url: str,
    told: Description,
    repeat: Repeat,
    changes: int | None = None,
) -> Answer:
    with parts.fetches.passed(principal.organisation_id):
        submission = await sources.website(intake, parts.outbound, url, told)
    return await accepted_as(parts, principal, row, replace(submission, changes=changes), repeat)
