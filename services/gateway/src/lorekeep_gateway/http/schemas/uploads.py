"""What is sent to be ingested, and what is answered."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from lorekeep_chassis.errors import LorekeepError
from lorekeep_gateway.acceptance import Accepted
from lorekeep_gateway.http.errors import body_of
from lorekeep_gateway.http.schemas.shape import ErrorDetail, Request, Shape
from lorekeep_gateway.reading import STRATEGIES


class TextDocument(Request):
    """A document whose text is sent inline."""

    text: str = Field(description="The text, not blank; at most 1,000,000 characters.", min_length=1)
    title: str | None = Field(None, description="Its name, as shown.")
    metadata: dict[str, Any] | None = Field(None, description="Any JSON object; declared fields can be filtered by.")
    document_id: str | None = Field(
        None, min_length=1, max_length=255, description="The caller's own id; the same id again makes a new version."
    )


class AcceptedDocument(Shape):
    """The document that was accepted."""

    id: str
    status: str = Field(examples=["pending"])
    name: str
    version: int
    kind: str = Field(description="file, text, qna or website.", examples=["file"])
    source: dict[str, Any]


class AcceptedJob(Shape):
    """The job that ingests it; GET /api/v1/jobs/{id} tells how it goes."""

    id: str
    status: str = Field(examples=["queued"])
    status_url: str


class Upload(Shape):
    """Accepted means durable."""

    document: AcceptedDocument
    job: AcceptedJob | None = Field(description="The latest job of what is unchanged; null where it is long gone.")
    unchanged: bool | None = Field(None, description="True where the newest version says the same; nothing was made.")


class BatchResult(Shape):
    """One item of a batch: `document` and `job`, or `error`."""

    document: AcceptedDocument | None = None
    job: AcceptedJob | None = None
    unchanged: bool | None = None
    error: ErrorDetail | None = None


class TextBatch(Request):
    """Documents whose texts are sent inline."""

    documents: list[TextDocument] = Field(min_length=1, max_length=100)


class BatchUpload(Shape):
    """One result an item, in the order given."""

    results: list[BatchResult]


def upload_of(accepted: Accepted) -> dict[str, Any]:
    """What is answered for an accepted document."""
    document = {
        "id": accepted.document_id,
        "status": accepted.status,
        "name": accepted.name,
        "version": accepted.version,
        "kind": accepted.kind,
        "source": dict(accepted.source),
    }
    job = None
    if accepted.job_id is not None:
        job = {"id": accepted.job_id, "status": accepted.job_status, "status_url": f"/api/v1/jobs/{accepted.job_id}"}
    return {"document": document, "job": job} | ({"unchanged": True} if accepted.unchanged else {})


def batch_of(outcomes: Sequence[Accepted | LorekeepError]) -> dict[str, Any]:
    """What is answered for a batch."""
    results = [{"error": body_of(each)} if isinstance(each, LorekeepError) else upload_of(each) for each in outcomes]
    return {"results": results}


def single_of(outcomes: Sequence[Accepted | LorekeepError]) -> dict[str, Any]:
    """What is answered for one document."""
    (only,) = outcomes
    if isinstance(only, LorekeepError):
        raise only
    return upload_of(only)


_TEXT = TextDocument.model_json_schema()
_FILE = {"type": "string", "format": "binary", "description": "The file; its type is told from its content."}
_METADATA = {"type": "string", "description": "A JSON object.", "examples": ['{"lang": "en"}']}

_DOCUMENT_ID = {"type": "string", "minLength": 1, "maxLength": 255}
_READING = {
    "strategy": {"type": "string", "enum": list(STRATEGIES), "description": "How to read it; over its collection's."},
    "languages": {"type": "string", "description": "Codes by commas, likeliest first.", "examples": ["de,en"]},
}
_FORM = {"file": _FILE, "metadata": _METADATA, "document_id": _DOCUMENT_ID, **_READING}


def single_body() -> dict[str, Any]:
    """How the body of a single upload is described."""
    return _body(_TEXT, _FORM)


def file_body() -> dict[str, Any]:
    """How the body of a file's upload is described."""
    return _body(None, _FORM)


def batch_body() -> dict[str, Any]:
    """How the body of a batch is described."""
    documents = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 100}
    texts = {"type": "object", "properties": {"documents": documents}, "required": ["documents"]}
    files = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": 100}
    told = {**_METADATA, "description": "A JSON object for all files."}
    return _body(texts, {"file": files, "metadata": told, **_READING})


def _body(texts: dict[str, Any] | None, form: dict[str, Any]) -> dict[str, Any]:
    described = {"type": "object", "properties": form, "required": ["file"]}
    content: dict[str, Any] = {"multipart/form-data": {"schema": described}}
    content |= {"application/json": {"schema": texts}} if texts else {}
    return {"requestBody": {"required": True, "content": content}}
