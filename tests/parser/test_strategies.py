"""What holds of every chunk, whatever the document, the strategy and the tokenizer."""

import base64
import json
import random
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parser.passages import DOCUMENT, OPTIONS, STRATEGIES, Kind, assembled, check, chunked, chunking, counters

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.chunking import chunkers

_COUNTERS = ["words", "bytes", "pieces", "characters"]
_HOSTILE = {
    "one word": "a1" * 15_000,
    "one unknown word": "ж" * 30_000,
    "no white space": "漢字仮名" * 6000,
    "families": "👩‍👩‍👧‍👦" * 3000,
    "marks": "a" + "\u0301" * 12_000,
    "flags": "🇩🇪🇫🇷" * 3000,
    "right to left": "هل رأيت الضوء؟ نعم، رأيته۔ " * 900,
    "stops": "." * 20_000,
    "deep": " " * 30_000 + "a\n" * 400,
    "lines": "a.\n" * 6000,
    "fences": "```\n" * 2000,
    "rules": "|-|\n" * 2000,
}


@settings(max_examples=200, deadline=None)
@given(DOCUMENT, OPTIONS, st.sampled_from(_COUNTERS))
def test_chunks_keep_their_promises(
    found: list[document_pb2.Element], options: parser_pb2.ChunkOptions, name: str
) -> None:
    elements, text = assembled(found)
    chunks = chunked(elements, options, counters()[name])
    check(elements, chunks, text, options, counters()[name])
    assert chunks == chunked(elements, options, counters()[name])
    for each in chunks:
        _check_parent(each, text, options, name)


def _check_parent(chunk: document_pb2.Chunk, text: str, options: parser_pb2.ChunkOptions, name: str) -> None:
    if options.strategy != parser_pb2.CHUNK_STRATEGY_HIERARCHICAL:
        assert not chunk.parent_text
        return
    parent_end = chunk.parent_start + len(chunk.parent_text)
    assert chunk.parent_text == text[chunk.parent_start : parent_end]
    assert chunk.parent_start <= chunk.start < chunk.end <= parent_end
    assert counters()[name].whole(options.prefix + chunk.parent_text) <= options.max_tokens


@settings(max_examples=120, deadline=None)
@given(DOCUMENT, OPTIONS, st.sampled_from(_COUNTERS))
def test_what_is_open_survives_behind_every_element(
    found: list[document_pb2.Element], options: parser_pb2.ChunkOptions, name: str
) -> None:
    elements, _ = assembled(found)
    chunker, chunks = chunking(options, counters()[name]), []
    for each in elements:
        chunks += chunker.add(each)
        state = json.loads(json.dumps(chunker.state()))
        count, chunker = chunker.count, chunking(options, counters()[name])
        chunker.restore(state)
        assert chunker.count == count == len(chunks)
    chunks += chunker.finish()
    assert chunks == chunked(elements, options, counters()[name])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("text", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_hostile_texts_are_cut_as_any_other(strategy: int, text: str) -> None:
    options = parser_pb2.ChunkOptions(max_tokens=256, overlap_tokens=20, min_tokens=60, strategy=strategy)
    for kind in (Kind.ELEMENT_KIND_TEXT, Kind.ELEMENT_KIND_CODE):
        elements, whole = assembled([document_pb2.Element(kind=kind, text=text)])
        for name in ("words", "bytes"):
            check(elements, chunked(elements, options, counters()[name]), whole, options, counters()[name])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_characters_may_be_very_many(strategy: int) -> None:
    options = parser_pb2.ChunkOptions(
        max_tokens=100_000,
        overlap_tokens=2000,
        min_tokens=20_000,
        strategy=strategy,
        unit=parser_pb2.CHUNK_UNIT_CHARACTERS,
    )
    text = "The keeper of the lamp climbed the stairs again. " * 9000
    elements, whole = assembled([document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text)])
    chunks = chunked(elements, options, counters()["characters"])
    check(elements, chunks, whole, options, counters()["characters"])
    largest = max(len(each.parent_text) or len(each.text) for each in chunks)
    assert 60_000 < largest <= 100_000


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", ["chinese", "base64", "boxes", "lines"])
def test_what_is_open_fits_a_checkpoint_and_survives(strategy: int, kind: str) -> None:
    elements, _ = assembled(list(_bulky(kind)))
    for name, most in (("characters", 100_000), ("words", 2048)):
        if name == "words" and len(elements) < 9:
            continue  # a few long words show nothing more, slowly
        options = parser_pb2.ChunkOptions(max_tokens=most, min_tokens=most // 4, strategy=strategy)
        chunker, chunks = chunking(options, counters()[name]), []
        for each in elements:
            chunks += chunker.add(each)
            if each.ordinal % 50 < 2:
                state = json.dumps(chunker.state(), ensure_ascii=False).encode()
                assert len(state) < 3 * 2**20
                assert len(zlib.compress(state, 6)) < 240_000
                chunker = chunking(options, counters()[name])
                chunker.restore(json.loads(state))
        assert [*chunks, *chunker.finish()] == chunked(elements, options, counters()[name])


def _bulky(kind: str) -> Iterator[document_pb2.Element]:
    """Documents whose open state is large: text that packs badly, very many boxes, very many pieces."""
    rng = random.Random(7)
    boxes = [document_pb2.BoundingBox(page=1, left=rng.random(), top=rng.random()) for _ in range(2000)]
    for number in range(4 if kind in ("chinese", "base64") else 250):
        text = {
            "chinese": lambda: "".join(map(chr, rng.choices(range(0x4E00, 0x9FFF), k=65_000))),
            "base64": lambda: base64.b64encode(rng.randbytes(48_000)).decode(),
            "boxes": lambda: f"word {rng.random()}",
            "lines": lambda: "a.\n" * 99,
        }[kind]()
        own = rng.sample(boxes, 64) if kind == "boxes" else []
        yield document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text, page=1 + number // 9, boxes=own)


def test_a_prefix_that_leaves_no_room_is_refused() -> None:
    for strategy in STRATEGIES:
        options = parser_pb2.ChunkOptions(max_tokens=16, min_tokens=4, strategy=strategy, prefix="a long prefix " * 9)
        with pytest.raises(InvalidInput):
            chunking(options, counters()["words"])


def test_semantic_chunks_need_somebody_to_ask() -> None:
    options = parser_pb2.ChunkOptions(max_tokens=64, min_tokens=4, strategy=parser_pb2.CHUNK_STRATEGY_SEMANTIC)
    with pytest.raises(InvalidInput):
        chunkers.chunker_of(options, counters()["words"], None)
