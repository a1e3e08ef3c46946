"""Pages of documents, and how well each was read."""

from pydantic import Field

from lorekeep.document.v1 import document_pb2
from lorekeep_gateway.http.schemas.shape import Shape

_OUTCOME_PREFIX = "PAGE_OUTCOME_"


class Page(Shape):
    """A page, a slide or a sheet."""

    page: int = Field(description="From 1; 1 where the format has no pages.")
    outcome: str = Field(description="read, ocr, empty, garbled or skipped.", examples=["read"])
    characters: int = Field(description="Characters of text on it.")


class PagePage(Shape):
    """Pages in their order."""

    pages: list[Page]
    next_cursor: str | None = Field(description="For the next page of the list; null at the end.")


def of_verdict(verdict: document_pb2.PageVerdict) -> Page:
    """A page's verdict as it is shown."""
    names = document_pb2.PageOutcome.DESCRIPTOR.values_by_number
    name = names[verdict.outcome].name if verdict.outcome in names and verdict.outcome else f"{_OUTCOME_PREFIX}READ"
    outcome = name.removeprefix(_OUTCOME_PREFIX).lower()
    return Page(page=verdict.page, outcome=outcome, characters=verdict.characters)
