"""What was read of a document, segment after segment, for whoever looks at it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from lorekeep.document.v1.document_pb2 import PageVerdict, Segment
from lorekeep_gateway.blobs import Blobs

Place = tuple[int, int]


async def segments(
    blobs: Blobs, organisation_id: str, shown: Mapping[str, Any], first: int = 0
) -> AsyncIterator[Segment]:
    """The segments of a document's shown version from the ordinal `first` on; none before it was read."""
    for ordinal in range(first, shown["segment_count"] or 0):
        yield await blobs.segment(organisation_id, shown["artefact_id"], ordinal)


async def page_verdicts(
    blobs: Blobs, organisation_id: str, shown: Mapping[str, Any], begin: Place, limit: int
) -> tuple[list[PageVerdict], Place | None]:
    """Up to `limit` verdicts of pages in order, from a place on, and the place behind them; None at the end."""
    found: list[PageVerdict] = []
    ordinal, skipped = begin
    async for segment in segments(blobs, organisation_id, shown, ordinal):
        for number, each in enumerate(segment.pages):
            if (segment.ordinal, number) < (ordinal, skipped):
                continue
            if len(found) == limit:
                return found, (segment.ordinal, number)
            found.append(each)
    return found, None
