"""Routes of web pages."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lorekeep_gateway import sources
from lorekeep_gateway.http import catalogue, forms
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef, Row
from lorekeep_gateway.http.keys import Key
from lorekeep_gateway.http.parts import Parts, parts_of
from lorekeep_gateway.http.reception import accepted_as, answered, earlier, repeat_of, taking_in
from lorekeep_gateway.http.schemas import sources as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.http.schemas.uploads import Upload
from lorekeep_gateway.http.source_routes import Ingester, Kind, answer_for
from lorekeep_gateway.idempotency import Answer, Repeat, checked_key
from lorekeep_gateway.intake import Intake
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.sources import Description

router = APIRouter(prefix="/api/v1/collections/{collection}/websites", tags=["sources"])


KIND = Kind("website", "web page", "web pages", "websites", shapes.WebsitePage, shapes.website_of, shapes.WebsiteShown)


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
        version = await catalogue.newest_version(parts, principal, row["id"], document, KIND.name)
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
        version = await catalogue.newest_version(parts, principal, row["id"], document, KIND.name)
        repeat = repeat_of(principal, key, "change", row["id"], document, body.model_dump())
        if kept := await earlier(parts, repeat):
            return answered(kept)
        if body.url is None:
            submission = sources.changed(intake, version, None, body.metadata)
            return answered(await accepted_as(parts, principal, row, submission, repeat))
        told = Description(sources.merged(version, body.metadata), version["public_id"])
        return answered(await _fetched(parts, principal, row, intake, body.url, told, repeat, version["number"]))


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


answer_for(KIND, router)
