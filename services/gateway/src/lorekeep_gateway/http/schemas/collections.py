"""Collections."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from lorekeep_gateway import chunking, reading
from lorekeep_gateway.http.schemas.reading import Chunking, ChunkingAsked, Reading, ReadingAsked
from lorekeep_gateway.http.schemas.shape import Request, Shape, Text
from lorekeep_gateway.metadata import TYPE_NAMES

_NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
_SCHEMA_TOLD = f"Fields that filters may use, and their types: {', '.join(TYPE_NAMES)}."
_CHUNKING_EXAMPLE = {"strategy": "by_title", "max_tokens": 256, "overlap_tokens": 32}
_READING_EXAMPLE = {"strategy": "auto", "languages": ["de", "en"]}
_SCHEMA_EXAMPLE = {"lang": "string", "year": "integer"}


def _no_id(name: str) -> str:
    if name.startswith("col_"):
        raise ValueError("a name does not begin with `col_`; ids do")
    return name


Name = Annotated[
    str,
    Field(pattern=_NAME_PATTERN, description="Unique in the workspace; does not begin with `col_`.", examples=["demo"]),
    AfterValidator(_no_id),
]
Schema = Annotated[dict[Text, str], Field(description=_SCHEMA_TOLD, examples=[_SCHEMA_EXAMPLE])]


class NewCollection(Request):
    """A collection to be made."""

    name: Name
    metadata_schema: Schema = Field(default_factory=dict)
    chunking: ChunkingAsked | None = Field(None, examples=[_CHUNKING_EXAMPLE])
    reading: ReadingAsked | None = Field(None, examples=[_READING_EXAMPLE])


class CollectionChange(Request):
    """What to change; what is left out stays. Fields are added; a declared field keeps its type. `reading` holds for
    documents that are read from then on; `chunking` can be changed until the first document was indexed."""

    name: Name | None = None
    metadata_schema: Schema | None = None
    chunking: ChunkingAsked | None = Field(None, examples=[_CHUNKING_EXAMPLE])
    reading: ReadingAsked | None = Field(None, examples=[_READING_EXAMPLE])


class Collection(Shape):
    """A collection of documents: what is searched."""

    id: str = Field(examples=["col_01jd3v9k2m"])
    name: str = Field(examples=["demo"])
    metadata_schema: dict[str, str]
    model: str | None = Field(description="Embedding model of its index; null until the first document is indexed.")
    chunking: Chunking
    reading: Reading
    created_at: datetime
    updated_at: datetime


class CollectionPage(Shape):
    """Collections, oldest first."""

    collections: list[Collection]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


class RemovedCounts(Shape):
    """What was removed from each store, so far."""

    documents: int
    versions: int
    blobs: int = Field(description="Originals that no other document needed.")
    segments: int = Field(description="Pieces of what was read out of them.")
    chunks: int = Field(description="Passages in the index, with their vectors.")
    jobs: int
    cache_entries: int


class Removed(Shape):
    """A receipt. `deleting` where a part is finished in the background; nothing of it is found any more either way."""

    id: str
    status: str = Field(examples=["deleted", "deleting"])
    removed: RemovedCounts


def of_row(row: Mapping[str, Any], defaults: chunking.Defaults, window_tokens: int | None) -> Collection:
    """A collection as it is shown; `window_tokens` is that of the model for new collections, None while not known."""
    direct = {name: row[name] for name in Collection.model_fields if name not in ("chunking", "reading")}
    cut, read = _chunking_of(row, defaults, window_tokens), reading.Reading.of_asked(row["reading"])
    return Collection(**direct, chunking=cut, reading=Reading(**asdict(read)))


def _chunking_of(row: Mapping[str, Any], defaults: chunking.Defaults, window_tokens: int | None) -> Chunking:
    """What the index was built with, or what it will be built with as far as that is known."""
    if row["generation_id"] is not None:
        sizes = {name: row[name] for name in ("max_tokens", "overlap_tokens", "min_tokens")}
        return Chunking(strategy=row["chunk_strategy"], **sizes)
    asked = row["chunking"]
    told = asdict(defaults.resolved(asked, window_tokens))
    if window_tokens is None and chunking.asked_tokens(asked) is None:
        told |= {name: asked.get(name) for name in ("max_tokens", "overlap_tokens", "min_tokens")}
    return Chunking(**told)
