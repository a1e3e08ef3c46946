"""Routes of a document's pages: how well each was read."""

import re

from fastapi import APIRouter, Depends, Request

from lorekeep_chassis import errors
from lorekeep_gateway import stored_segments
from lorekeep_gateway.http import catalogue
from lorekeep_gateway.http.auth import caller
from lorekeep_gateway.http.catalogue import CollectionRef, DocumentRef
from lorekeep_gateway.http.cursors import Cursor, Limit, cursor_of, place_of
from lorekeep_gateway.http.parts import parts_of
from lorekeep_gateway.http.schemas import pages as shapes
from lorekeep_gateway.http.schemas.shape import failures
from lorekeep_gateway.keys import Principal

router = APIRouter(prefix="/api/v1/collections/{collection}/documents", tags=["documents"])

Reader = Depends(caller("search", "ingest", "manage"))
_PLACE = re.compile(r"([0-9]{1,9})_([0-9]{1,9})")


@router.get("/{document:path}/pages", responses=failures(404), summary="List a document's pages")
async def pages(
    request: Request,
    collection: CollectionRef,
    document: DocumentRef,
    limit: Limit = 50,
    cursor: Cursor = None,
    principal: Principal = Reader,
) -> shapes.PagePage:
    """What became of each page, slide or sheet when it was read; none until the document was. A format without pages
    counts as one."""
    parts = parts_of(request)
    row = await catalogue.collection(parts, principal, collection)
    shown = await catalogue.document(parts, principal, row["id"], document)
    place = _PLACE.fullmatch(place_of(cursor, "0_0") or "")
    if place is None:
        raise errors.UnprocessableInput("This is no cursor of an earlier page. Begin without one.", field="cursor")
    begin = int(place[1]), int(place[2])
    found, further = await stored_segments.page_verdicts(parts.blobs, principal.organisation_id, shown, begin, limit)
    next_cursor = None if further is None else cursor_of(f"{further[0]}_{further[1]}")
    return shapes.PagePage(pages=[shapes.of_verdict(each) for each in found], next_cursor=next_cursor)
