"""What all shapes share, and the shape of an error."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lorekeep_gateway.metadata import UNSTORABLE


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class Request(BaseModel):
    """A body that a caller sends; unknown fields are refused, so that a misspelt one is not silently lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _storable(text: str) -> str:
    if UNSTORABLE.search(text):
        raise ValueError("holds NUL or half a surrogate pair")
    return text


Text = Annotated[str, AfterValidator(_storable)]


class ErrorDetail(Shape):
    """What went wrong."""

    reason: str = Field(description="Stable word to branch on.", examples=["not_found"])
    message: str = Field(description="What was wrong and what to do.")
    trace_id: str = Field(description="Trace of the request; empty where there is none.")
    field: str | None = Field(None, description="The field that was wrong, where it was one.")


class ErrorBody(Shape):
    """Every error has this shape."""

    error: ErrorDetail


_TOLD = {
    400: "The request is malformed.",
    401: "No valid API key.",
    403: "The key lacks the scope.",
    404: "Unknown, or another organisation's.",
    409: "In conflict with what there is.",
    413: "Too large.",
    415: "Of a kind that is not read.",
    422: "Well-formed, but a field breaks a rule; `field` names it.",
    429: "The caller's own limit; see Retry-After.",
    503: "Saturated or a part is away; see Retry-After.",
    504: "Out of time.",
}


def failures(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for its description."""
    always = (400, 401, 403, 422, 503, 504)
    return {code: {"model": ErrorBody, "description": _TOLD[code]} for code in sorted({*always, *codes})}
