"""Cursors: opaque to callers, a place in an order to us."""

import base64
import binascii
import re
from typing import Annotated

from fastapi import Query

from lorekeep_chassis import errors

_PLACE = re.compile(r"[0-9a-z_]{1,64}")

Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)]
Limit = Annotated[int, Query(ge=1, le=100, description="Most items of the page.")]


def cursor_of(place: str) -> str:
    """The cursor behind `place`."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None, start: str | None) -> str | None:
    """The place behind which a page begins; UnprocessableInput for a cursor that was not given out here."""
    if cursor is None:
        return start
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        place = ""
    if not _PLACE.fullmatch(place):
        raise errors.UnprocessableInput("This is no cursor of an earlier page. Begin without one.", field="cursor")
    return place
