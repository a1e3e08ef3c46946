"""Conversions between protos and public shapes lose nothing that they tell."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lorekeep.document.v1 import document_pb2
from lorekeep.search.v1 import search_pb2
from lorekeep_gateway.http.schemas import documents, search

_CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
_BOXES = st.builds(
    document_pb2.BoundingBox,
    page=st.integers(0, 2**32 - 1),
    **{side: st.floats(0, 1, width=32) for side in ("left", "top", "right", "bottom")},
)
_CHUNKS = st.builds(
    document_pb2.Chunk,
    ordinal=st.integers(0, 2**32 - 1),
    text=_TEXT,
    start=st.integers(0, 2**64 - 1),
    end=st.integers(0, 2**64 - 1),
    page=st.integers(0, 2**32 - 1),
    page_end=st.integers(0, 2**32 - 1),
    heading_path=st.lists(_TEXT, max_size=3),
    kind=st.integers(1, 10),
    token_count=st.integers(0, 2**32 - 1),
    context=_TEXT,
    boxes=st.lists(_BOXES, max_size=2),
    parent_text=st.just("the whole section"),
    parent_start=st.integers(0, 2**64 - 1),
)


@_CALM
@given(chunk=_CHUNKS, chunk_id=_TEXT)
def test_a_chunk_goes_there_and_back(chunk: document_pb2.Chunk, chunk_id: str) -> None:
    indexed = search_pb2.IndexedChunk(chunk_id=chunk_id, chunk=chunk)
    shape = documents.Chunk.model_validate_json(documents.chunk_of(indexed).model_dump_json())
    assert documents.chunk_to(shape) == indexed


def test_a_chunk_that_has_no_more_to_tell_tells_nothing() -> None:
    shown = documents.passage_of(document_pb2.Chunk(text="x"))
    assert (shown.context, shown.boxes, shown.parent) == (None, [], None)


def test_an_unknown_kind_counts_as_text() -> None:
    assert documents.kind_of(0) == documents.kind_of(99) == documents.kind_of(1) == "text"


@_CALM
@given(
    body=st.fixed_dictionaries(
        {
            "query": _TEXT.filter(lambda text: bool(text.strip())),
            "limit": st.integers(1, 100),
            "mode": st.sampled_from(["hybrid", "dense", "lexical"]),
            "group_by": st.sampled_from([None, "document"]),
        }
    )
)
def test_a_search_goes_there_and_back(body: dict[str, Any]) -> None:
    asked = search.Search.model_validate(body)
    assert search.request_of(search.request_to(asked, search_pb2.IndexSpace(), [], None)) == asked


@_CALM
@given(
    chunk=_CHUNKS,
    score=st.floats(width=32, allow_nan=False, allow_infinity=False),
    dense=st.none() | st.floats(-1, 1, width=32),
)
def test_a_hit_tells_what_was_found(chunk: document_pb2.Chunk, score: float, dense: float | None) -> None:
    indexed = search_pb2.IndexedChunk(
        chunk_id="c", public_document_id="mine", document_id="doc_1", chunk=chunk, metadata_json='{"a": [1]}'
    )
    scores = search_pb2.LegScores(dense=dense) if dense is not None else search_pb2.LegScores()
    shown = search.hit_of(search_pb2.Hit(chunk=indexed, score=score, scores=scores), "demo")
    assert (shown.document_id, shown.text, shown.start, shown.end) == ("mine", chunk.text, chunk.start, chunk.end)
    assert (len(shown.boxes), shown.parent) == (len(chunk.boxes), documents.passage_of(chunk).parent)
    assert (shown.score, shown.scores.dense, shown.scores.lexical) == (score, dense, None)
    assert (shown.page or 0, shown.metadata) == (chunk.page, {"a": [1]})
