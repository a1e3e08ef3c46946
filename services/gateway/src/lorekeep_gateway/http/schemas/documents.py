"""Documents and their chunks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from google.protobuf.json_format import MessageToDict
from pydantic import Field

from lorekeep.document.v1 import document_pb2
from lorekeep.search.v1 import search_pb2
from lorekeep_gateway.http.schemas.shape import Shape

Status = Literal["draft", "pending", "processing", "ready", "failed"]
Kind = Literal["file", "text", "qna", "website"]
_KIND_PREFIX = "ELEMENT_KIND_"


class Trouble(Shape):
    """Why a document or a job failed."""

    reason: str
    message: str


class Properties(Shape):
    """What a document says of itself, as it stands there."""

    title: str | None = None
    authors: list[str] = Field(default_factory=list, description="Who wrote it, in order.")
    created_at: str | None = Field(None, description="RFC 3339, or a date alone.", examples=["2024-05-17T09:30:00Z"])
    modified_at: str | None = Field(None, description="RFC 3339, or a date alone.")
    subject: str | None = None
    keywords: list[str] = Field(default_factory=list)


class Document(Shape):
    """A document, with the version that is visible, or its newest where none was ever ready."""

    id: str = Field(description="The caller's own id where one was given.", examples=["doc_01jd3v9k2m"])
    collection_id: str
    kind: str = Field(description="file, text, qna or website.", examples=["file"])
    source: dict[str, Any] = Field(description="Where it comes from: a question with its answer, or a web page's URL.")
    name: str
    status: str = Field(examples=["ready"])
    version: int | None
    media_type: str | None
    size_bytes: int | None
    chunk_count: int | None
    parent: str | None = Field(description="Document that it was found inside of: a mail, an archive.")
    children_count: int = Field(description="Documents that were found inside of it; list them by `parent`.")
    metadata: dict[str, Any]
    verdict: dict[str, Any] | None = Field(description="How well it was read.")
    properties: Properties | None = Field(description="What it says of itself; null until it was read.")
    warnings: list[Any]
    error: Trouble | None
    created_at: datetime
    updated_at: datetime


class DocumentPage(Shape):
    """Documents, newest first."""

    documents: list[Document]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


class Box(Shape):
    """A rectangle on a page, in fractions of its width and height from the top left."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


class Parent(Shape):
    """The larger part of the document that a passage stands in."""

    text: str
    start: int = Field(description="Offset of its first character in the document's text.")


class Passage(Shape):
    """A passage of a document, as it is cut."""

    ordinal: int = Field(description="Position in the document, from 0.")
    text: str
    context: str | None = Field(description="Put in front where it is indexed: the header row of a table it continues.")
    page: int | None = Field(description="Page it begins on, from 1; null where the format has none.")
    page_end: int | None = Field(description="Page it ends on.")
    heading_path: list[str] = Field(description="Headings above it, outermost first.")
    start: int = Field(description="Offset of its first character in the document's text.")
    end: int = Field(description="Offset behind its last character.")
    kind: str = Field(examples=["text", "table"])
    token_count: int = Field(description="Its length in tokens of the model, context and special tokens included.")
    boxes: list[Box] = Field(description="Where it stands on its pages; empty where the format does not say.")
    parent: Parent | None = Field(description="Where the collection is cut by `hierarchical`; null else.")


class Chunk(Passage):
    """A passage of a document in the index."""

    id: str


class ChunkPage(Shape):
    """Chunks in their order."""

    chunks: list[Chunk]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


def of_row(row: Mapping[str, Any]) -> Document:
    """A document as it is shown."""
    return Document(**fields_of(row))


def fields_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of a document of any kind."""
    special = {"id": "public_id", "version": "number"}
    direct = {name: row[special.get(name, name)] for name in Document.model_fields}
    read = {"properties": None if row["verdict"] is None else row["properties"], "warnings": row["warnings"] or []}
    return {**direct, **read, "error": trouble(row["error"])}


def properties_of(told: document_pb2.Properties) -> Properties:
    """What a document says of itself, as it is shown."""
    return Properties(**MessageToDict(told, preserving_proto_field_name=True))


def trouble(given: Mapping[str, Any] | None) -> Trouble | None:
    """An error as a row holds it."""
    return Trouble(reason=given["reason"], message=given["message"]) if given else None


def chunk_of(indexed: search_pb2.IndexedChunk) -> Chunk:
    """A chunk as search gives it."""
    return Chunk(id=indexed.chunk_id, **dict(passage_of(indexed.chunk)))


def passage_of(chunk: document_pb2.Chunk) -> Passage:
    """A chunk as it was cut."""
    return Passage(
        ordinal=chunk.ordinal,
        text=chunk.text,
        context=chunk.context or None,
        page=chunk.page or None,
        page_end=chunk.page_end or None,
        heading_path=list(chunk.heading_path),
        start=chunk.start,
        end=chunk.end,
        kind=kind_of(chunk.kind),
        token_count=chunk.token_count,
        boxes=boxes_of(chunk),
        parent=Parent(text=chunk.parent_text, start=chunk.parent_start) if chunk.parent_text else None,
    )


def boxes_of(chunk: document_pb2.Chunk) -> list[Box]:
    """Where a chunk stands on its pages."""
    return [Box(**{name: getattr(each, name) for name in Box.model_fields}) for each in chunk.boxes]


def chunk_to(chunk: Chunk) -> search_pb2.IndexedChunk:
    """The way back, for what a chunk tells."""
    told = document_pb2.Chunk(
        ordinal=chunk.ordinal,
        text=chunk.text,
        context=chunk.context or "",
        page=chunk.page or 0,
        page_end=chunk.page_end or 0,
        heading_path=chunk.heading_path,
        start=chunk.start,
        end=chunk.end,
        kind=_KIND_PREFIX + chunk.kind.upper(),
        token_count=chunk.token_count,
        boxes=[document_pb2.BoundingBox(**dict(each)) for each in chunk.boxes],
        parent_text=chunk.parent.text if chunk.parent else "",
        parent_start=chunk.parent.start if chunk.parent else 0,
    )
    return search_pb2.IndexedChunk(chunk_id=chunk.id, chunk=told)


def kind_of(kind: int) -> str:
    """A kind in lower case; an unspecified or unknown one counts as text."""
    names = document_pb2.ElementKind.DESCRIPTOR.values_by_number
    known = names[kind].name if kind in names and kind else f"{_KIND_PREFIX}TEXT"
    return known.removeprefix(_KIND_PREFIX).lower()
