"""The contract's routes about how documents are read and cut."""

import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.sdk.contract_answers import Refusal

if TYPE_CHECKING:
    from tests.sdk.contract_server import Handler, Service

_CHUNKING = {"strategy": "by_title", "max_tokens": 256, "overlap_tokens": 50, "min_tokens": 64}
_READING = {"strategy": "auto", "languages": ["en"], "attachments": True}
_WINDOW = 256


def resolved(chunking: dict[str, Any] | None, reading: dict[str, Any] | None) -> dict[str, Any]:
    """What holds where this is asked for."""
    asked = {name: value for name, value in (chunking or {}).items() if value is not None}
    if asked.pop("preset", None) == "quality":
        asked.setdefault("max_tokens", 1024)
    if asked.get("max_tokens", 0) > _WINDOW:
        message = f"Chunks of {asked['max_tokens']} tokens do not fit into the model m, which takes {_WINDOW}."
        raise Refusal(422, "chunk_exceeds_window", message)
    return {"chunking": {**_CHUNKING, **asked}, "reading": {**_READING, **(reading or {})}}


def change(service: "Service", found: dict[str, Any], body: dict[str, Any]) -> None:
    """Changes a collection; its chunking only while it has no documents."""
    if body.get("chunking") and service.documents[found["name"]]:
        raise Refusal(409, "chunking_fixed", "The collection's documents are cut already. Make another collection.")
    new = resolved({**found["chunking"], **body.get("chunking", {})}, {**found["reading"], **body.get("reading", {})})
    found.update(new)


async def preview(service: "Service", request: Request, collection: str) -> Response:
    """Every paragraph is a chunk."""
    home = service.collection(collection)
    if request.headers["content-type"].startswith("application/json"):
        asked = await request.json()
        if "document" in asked:
            service.document(home["name"], asked["document"])
            text, reading = service.contents[(home["name"], asked["document"])].decode(), None
        else:
            text, reading = asked["text"], {**home["reading"], **asked.get("reading", {})}
    else:
        async with request.form() as form:
            file: Any = form["file"]
            text = (await file.read()).decode()
            asked = {name: json.loads(str(form[name])) for name in ("chunking", "reading", "limit") if name in form}
        reading = {**home["reading"], **asked.get("reading", {})}
    return JSONResponse(_answer(home, text, asked, reading))


def _answer(home: dict[str, Any], text: str, asked: dict[str, Any], reading: dict[str, Any] | None) -> dict[str, Any]:
    chunking = resolved({**home["chunking"], **asked.get("chunking", {})}, None)["chunking"]
    parts, limit = text.split("\n\n"), asked.get("limit", 20)
    chunks = [_chunk(number, part) for number, part in enumerate(parts[:limit])]
    return {
        "chunks": chunks,
        "chunk_count": len(chunks),
        "complete": len(parts) <= limit,
        "verdict": None,
        "warnings": ["ocr_unavailable: no tesseract"],
        "properties": {"title": "A guide"},
        "options": {"model": "m", "chunking": chunking, "reading": reading},
    }


def _chunk(number: int, text: str) -> dict[str, Any]:
    told = {"ordinal": number, "text": text, "token_count": len(text.split()) + 2, "kind": "text", "context": None}
    place = {"page": number + 1, "page_end": number + 1, "heading_path": ["Guide"], "boxes": [], "parent": None}
    return told | place


async def pages(service: "Service", request: Request, collection: str, document_id: str) -> Response:
    service.document(collection, document_id)
    parts = service.contents[(collection, document_id)].decode("utf-8", "replace").split("\n\n")
    outcomes = ("read", "ocr", "empty", "garbled", "skipped")
    listed = [
        {"page": number, "outcome": outcomes[(number - 1) % len(outcomes)], "characters": len(part)}
        for number, part in enumerate(parts, 1)
    ]
    return service.page(request, "pages", listed)


_C = "/api/v1/collections"
ROUTES: list[tuple[str, str, "Handler"]] = [
    ("POST", f"{_C}/([^/]+)/chunks:preview", preview),
    ("GET", f"{_C}/([^/]+)/documents/([^/]+)/pages", pages),
]
