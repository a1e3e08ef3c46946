"""Previews of chunks."""

from typing import Any

from pydantic import Field

from lorekeep_gateway.http.schemas.documents import Passage, Properties
from lorekeep_gateway.http.schemas.reading import Chunking, ChunkingAsked, Reading, ReadingAsked
from lorekeep_gateway.http.schemas.shape import Request, Shape, Text

_MOST_CHUNKS = 100


class PreviewAsked(Request):
    """How to cut and to read, over what the collection asks for."""

    chunking: ChunkingAsked | None = None
    reading: ReadingAsked | None = None
    limit: int = Field(20, ge=1, le=_MOST_CHUNKS, strict=True, description="Chunks wanted.")


class TextPreviewAsked(PreviewAsked):
    """What to preview: a text, or a document of the collection, which is not read again."""

    text: Text | None = Field(None, min_length=1, description="A text; at most 1,000,000 characters.")
    document: Text | None = Field(None, min_length=1, max_length=255, description="A document by its id.")


class Options(Shape):
    """What held for the preview."""

    model: str = Field(description="Embedding model whose tokens are counted.", examples=["all-MiniLM-L6-v2"])
    chunking: Chunking
    reading: Reading | None = Field(description="Null for a document that was read before.")


class ChunkPreview(Shape):
    """The first chunks as they would be made; nothing of it is kept."""

    chunks: list[Passage]
    chunk_count: int = Field(description="How many there are above.")
    complete: bool = Field(description="Whether these are all; a preview reads no further than it must.")
    verdict: dict[str, Any] | None = Field(description="How well it was read; null unless that was to its end.")
    warnings: list[Any]
    properties: Properties | None
    options: Options


def preview_body() -> dict[str, Any]:
    """How the body is described, which is read only once it is known that the caller may send one."""
    fields = {
        "file": {"type": "string", "format": "binary", "description": "The file; its type is told from its content."},
        "chunking": {"type": "string", "description": "As JSON.", "examples": ['{"strategy": "fixed"}']},
        "reading": {"type": "string", "description": "As JSON.", "examples": ['{"languages": ["de"]}']},
        "limit": {"type": "integer", "minimum": 1, "maximum": _MOST_CHUNKS, "default": 20},
    }
    form = {"type": "object", "properties": fields, "required": ["file"]}
    json_shape = TextPreviewAsked.model_json_schema(ref_template="#/components/schemas/{model}")
    json_shape.pop("$defs", None)
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json_shape}}
    return {"requestBody": {"required": True, "content": content}}
