"""Searches and hits."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lorekeep.search.v1 import search_pb2
from lorekeep_gateway.http.schemas.documents import Box, Parent, boxes_of
from lorekeep_gateway.http.schemas.shape import Request, Shape, Text

MAX_QUERY_CHARS = 8192
_MODES = {
    "hybrid": search_pb2.MODE_HYBRID,
    "dense": search_pb2.MODE_DENSE,
    "lexical": search_pb2.MODE_LEXICAL,
}


def _not_blank(query: str) -> str:
    if not query.strip():
        raise ValueError("the query is blank; say what to look for")
    return query


class Search(Request):
    """What to look for in one collection."""

    query: Annotated[Text, AfterValidator(_not_blank)] = Field(
        min_length=1, max_length=MAX_QUERY_CHARS, description="Not blank.", examples=["how do refunds work"]
    )
    limit: int = Field(10, ge=1, le=100, description="Hits wanted.", strict=True)
    mode: Literal["hybrid", "dense", "lexical"] = Field("hybrid", description="By meaning, by word, or both fused.")
    filter: dict[Text, Any] | None = Field(
        None,
        description="Conditions on declared metadata: $eq $ne $in $gt $gte $lt $lte, $and, $or; a bare value is $eq.",
        examples=[{"lang": "en", "year": {"$gte": 2020}}],
    )
    group_by: Literal["document"] | None = Field(None, description="`document`: only the best hit of each document.")


class SearchAcross(Search):
    """What to look for in several collections of one embedding model."""

    collections: list[Text] = Field(min_length=1, max_length=100, description="Names or ids.", examples=[["demo"]])


class Scores(Shape):
    """Scores by leg; null where the leg did not find it."""

    dense: float | None = Field(description="Similarity by meaning.")
    lexical: float | None = Field(description="BM25.")


class Hit(Shape):
    """A passage that was found."""

    document_id: str
    document_name: str
    collection: str = Field(description="Name of its collection.")
    collection_id: str
    chunk_id: str
    version_id: str
    score: float = Field(description="Fused score of the mode; comparable within one answer.")
    scores: Scores
    text: str
    page: int | None = Field(description="Page it begins on, from 1; null where the format has none.")
    page_end: int | None
    heading_path: list[str]
    start: int = Field(description="Offset of its first character in the document's text.")
    end: int
    boxes: list[Box] = Field(description="Where it stands on its pages; empty where the format does not say.")
    parent: Parent | None = Field(description="The larger part it stands in, where it is cut by `hierarchical`.")
    metadata: dict[str, Any]


class Found(Shape):
    """Hits, best first."""

    hits: list[Hit]
    next_cursor: str | None = Field(description="Null: one answer holds all that was asked for.")
    trace_id: str


def request_to(
    asked: Search, space: search_pb2.IndexSpace, targets: list[search_pb2.Target], chosen: search_pb2.Filter | None
) -> search_pb2.SearchRequest:
    """A search as the search service takes it."""
    return search_pb2.SearchRequest(
        space=space,
        targets=targets,
        query=asked.query,
        limit=asked.limit,
        mode=_MODES[asked.mode],
        filter=chosen,
        limit_per_document=1 if asked.group_by else 0,
    )


def request_of(request: search_pb2.SearchRequest) -> Search:
    """The way back, but for the filter."""
    mode = next(name for name, value in _MODES.items() if value == request.mode)
    grouped: Literal["document"] | None = "document" if request.limit_per_document else None
    return Search.model_validate({"query": request.query, "limit": request.limit, "mode": mode, "group_by": grouped})


def hit_of(hit: search_pb2.Hit, collection: str) -> Hit:
    """A hit as the search service gives it."""
    indexed, chunk = hit.chunk, hit.chunk.chunk
    return Hit(
        document_id=indexed.public_document_id,
        document_name=indexed.document_name,
        collection=collection,
        collection_id=indexed.collection_id,
        chunk_id=indexed.chunk_id,
        version_id=indexed.version_id,
        score=hit.score,
        scores=_scores(hit.scores),
        text=chunk.text,
        page=chunk.page or None,
        page_end=chunk.page_end or None,
        heading_path=list(chunk.heading_path),
        start=chunk.start,
        end=chunk.end,
        boxes=boxes_of(chunk),
        parent=Parent(text=chunk.parent_text, start=chunk.parent_start) if chunk.parent_text else None,
        metadata=json.loads(indexed.metadata_json or "{}"),
    )


def _scores(scores: search_pb2.LegScores) -> Scores:
    return Scores(
        dense=scores.dense if scores.HasField("dense") else None,
        lexical=scores.lexical if scores.HasField("lexical") else None,
    )
