"""Documents and their chunks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

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
    warnings: list[Any]
    error: Trouble | None
    created_at: datetime
    updated_at: datetime


class DocumentPage(Shape):
    """Documents, newest first."""

    documents: list[Document]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


class Chunk(Shape):
    """A passage of a document."""

    id: str
    ordinal: int = Field(description="Position in the document, from 0.")
    text: str
    page: int | None = Field(description="Page it begins on, from 1; null where the format has none.")
    page_end: int | None = Field(description="Page it ends on.")
    heading_path: list[str] = Field(description="Headings above it, outermost first.")
    start: int = Field(description="Offset of its first character in the document's text.")
    end: int = Field(description="Offset behind its last character.")
    kind: str = Field(examples=["text", "table"])
    token_count: int


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
    return {**direct, "warnings": row["warnings"] or [], "error": trouble(row["error"])}


def trouble(given: Mapping[str, Any] | None) -> Trouble | None:
    """An error as a row holds it."""
    return Trouble(reason=given["reason"], message=given["message"]) if given else None


def chunk_of(indexed: search_pb2.IndexedChunk) -> Chunk:
    """A chunk as search gives it."""
    chunk = indexed.chunk
    return Chunk(
        id=indexed.chunk_id,
        ordinal=chunk.ordinal,
        text=chunk.text,
        page=chunk.page or None,
        page_end=chunk.page_end or None,
        heading_path=list(chunk.heading_path),
        start=chunk.start,
        end=chunk.end,
        kind=kind_of(chunk.kind),
        token_count=chunk.token_count,
    )


def chunk_to(chunk: Chunk) -> search_pb2.IndexedChunk:
    """The way back, for what a chunk tells."""
    told = document_pb2.Chunk(
        ordinal=chunk.ordinal,
        text=chunk.text,
        page=chunk.page or 0,
        page_end=chunk.page_end or 0,
        heading_path=chunk.heading_path,
        start=chunk.start,
        end=chunk.end,
        kind=_KIND_PREFIX + chunk.kind.upper(),
        token_count=chunk.token_count,
    )
    return search_pb2.IndexedChunk(chunk_id=chunk.id, chunk=told)


def kind_of(kind: int) -> str:
    """A kind in lower case; an unspecified or unknown one counts as text."""
    names = document_pb2.ElementKind.DESCRIPTOR.values_by_number
    known = names[kind].name if kind in names and kind else f"{_KIND_PREFIX}TEXT"
    return known.removeprefix(_KIND_PREFIX).lower()
