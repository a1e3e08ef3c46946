"""What holds of every chunk, whatever the document."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parser.parser_process import tokenizer_bytes

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.assembler import Assembler
from lorekeep_parser.chunker import Chunker
from lorekeep_parser.open_section import OpenSection
from lorekeep_parser.tokens import TokenCounter

Kind = document_pb2.ElementKind
COUNTER = TokenCounter.of_bytes(tokenizer_bytes())
# A counter that must not add up, so that the recount at closing is tried too.
RECOUNTING = TokenCounter.of_bytes(tokenizer_bytes())
RECOUNTING.additive = False

_WORDS = ["lamp", "keeper", "storm", "Dr.", "antidisestablishmentarianism", "灯台。", "ß", "3.14", "x" * 300, "—"]
_SENTENCE = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=30).map(lambda words: " ".join(words) + ". ")
_PROSE = st.one_of(st.lists(_SENTENCE, min_size=1, max_size=12).map("".join), st.text(max_size=200))
_ROWS = st.lists(
    st.lists(st.sampled_from(_WORDS[:8]), min_size=1, max_size=5).map("\t".join), min_size=1, max_size=30
).map("\n".join)
_KINDS = [
    Kind.ELEMENT_KIND_TEXT,
    Kind.ELEMENT_KIND_TEXT,
    Kind.ELEMENT_KIND_HEADING,
    Kind.ELEMENT_KIND_LIST_ITEM,
    Kind.ELEMENT_KIND_CODE,
    Kind.ELEMENT_KIND_PAGE_FOOTER,
]
_ELEMENT = st.one_of(
    st.builds(
        lambda kind, text, page, level: document_pb2.Element(kind=kind, text=text, page=page, level=level),
        st.sampled_from(_KINDS), _PROSE, st.integers(1, 5), st.integers(1, 3),
    ),
    st.builds(
        lambda text, html: document_pb2.Element(kind=Kind.ELEMENT_KIND_TABLE, text=text, html=html),
        _ROWS, st.sampled_from(["<table></table>", ""]),
    ),
)  # fmt: skip
_DOCUMENT = st.lists(_ELEMENT, min_size=1, max_size=12)
_OPTIONS = st.builds(
    lambda most, overlap, least: parser_pb2.ChunkOptions(
        max_tokens=most, overlap_tokens=int(most * overlap), min_tokens=max(1, int(most * least))
    ),
    st.integers(16, 120), st.floats(0, 0.45), st.floats(0, 0.5),
)  # fmt: skip


def assembled(found: Sequence[document_pb2.Element]) -> tuple[list[document_pb2.Element], str]:
    """The elements in place, and the canonical text by its segments."""
    assembler, placed, text = Assembler(), [], ""
    for number, each in enumerate(found):
        copy = document_pb2.Element()
        copy.CopyFrom(each)
        placed += assembler.add(copy)
        if number % 5 == 4:
            placed += assembler.end_batch()
            text += assembler.segment().text
    placed += assembler.end_batch()
    return placed, text + assembler.segment().text


def chunked(
    elements: Sequence[document_pb2.Element], options: parser_pb2.ChunkOptions, counter: TokenCounter = COUNTER
) -> list[document_pb2.Chunk]:
    chunker = Chunker(options, counter)
    return [chunk for each in elements for chunk in chunker.add(each)] + list(chunker.finish())


@settings(max_examples=60, deadline=None)
@given(_DOCUMENT)
def test_elements_are_slices_of_the_joined_segments(found: list[document_pb2.Element]) -> None:
    elements, text = assembled(found)
    assert text == "\n\n".join(each.text for each in elements)
    for number, each in enumerate(elements):
        assert each.ordinal == number
        assert each.text == text[each.start : each.end]
        assert each.text.strip()


@settings(max_examples=120, deadline=None)
@given(_DOCUMENT, _OPTIONS, st.sampled_from([COUNTER, RECOUNTING]))
def test_chunks_keep_their_promises(
    found: list[document_pb2.Element], options: parser_pb2.ChunkOptions, counter: TokenCounter
) -> None:
    elements, text = assembled(found)
    chunks = chunked(elements, options, counter)
    assert [each.ordinal for each in chunks] == list(range(len(chunks)))
    for each in chunks:
        assert each.text == text[each.start : each.end]
        assert each.text.strip()
        whole = f"{each.context}\n{each.text}" if each.context else each.text
        assert each.token_count == counter.whole(whole) <= options.max_tokens
    _check_covered(elements, chunks)


def _check_covered(elements: Sequence[document_pb2.Element], chunks: Sequence[document_pb2.Chunk]) -> None:
    """All that is visible is in a chunk, but for page furniture, which is in none; chunks go forward."""
    covered = {place for each in chunks for place in range(each.start, each.end)}
    for element in elements:
        furniture = element.kind == Kind.ELEMENT_KIND_PAGE_FOOTER
        for place, character in enumerate(element.text, start=element.start):
            assert character.isspace() or (place in covered) != furniture
    for before, after in pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end


@settings(max_examples=60, deadline=None)
@given(_DOCUMENT, _OPTIONS, st.integers(0, 11))
def test_an_open_section_survives_its_own_state(
    found: list[document_pb2.Element], options: parser_pb2.ChunkOptions, cut: int
) -> None:
    elements, _ = assembled(found)
    before, after = Chunker(options, COUNTER), Chunker(options, COUNTER)
    chunks = [chunk for each in elements[:cut] for chunk in before.add(each)]
    after.section = OpenSection.restored(before.section.state())
    chunks += [chunk for each in elements[cut:] for chunk in after.add(each)] + list(after.finish())
    assert chunks == chunked(elements, options)


def _options(most: int, **others: int) -> parser_pb2.ChunkOptions:
    return parser_pb2.ChunkOptions(max_tokens=most, min_tokens=others.pop("min_tokens", 1), **others)


def _prose(count: int) -> document_pb2.Element:
    text = " ".join(f"The keeper wrote line number {number} into the log." for number in range(count))
    return document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text)


def _heading(text: str, level: int = 1) -> document_pb2.Element:
    return document_pb2.Element(kind=Kind.ELEMENT_KIND_HEADING, text=text, level=level)


def test_headings_open_the_chunk_that_follows_them() -> None:
    elements, _ = assembled([_heading("One"), _heading("Two", 2), _prose(3), _heading("Three"), _prose(3)])
    first, second = chunked(elements, _options(200))
    assert first.text.startswith("One\n\nTwo\n\nThe keeper")
    assert list(first.heading_path) == ["One", "Two"]
    assert second.text.startswith("Three\n\nThe keeper")
    assert list(second.heading_path) == ["Three"]


def test_a_long_section_is_shared_evenly() -> None:
    elements, _ = assembled([_prose(30)])
    chunks = chunked(elements, _options(200, min_tokens=100))
    assert len(chunks) == 2
    assert abs(chunks[0].token_count - chunks[1].token_count) < 40


def test_overlap_repeats_whole_sentences() -> None:
    elements, _ = assembled([_prose(60)])
    chunks = chunked(elements, _options(100, overlap_tokens=30))
    for before, after in pairwise(chunks):
        assert before.start < after.start < before.end
        assert after.text.startswith("The keeper")


def test_a_table_repeats_its_header_through_the_context() -> None:
    rows = "\n".join(f"lamp {number}\tcoast {number}\t{number * 7}" for number in range(60))
    table = document_pb2.Element(
        kind=Kind.ELEMENT_KIND_TABLE, text=f"Name\tPlace\tHeight\n{rows}", html="<table></table>"
    )
    going_on = document_pb2.Element(kind=Kind.ELEMENT_KIND_TABLE, text=rows)
    elements, _ = assembled([_heading("Lamps"), table, going_on])
    chunks = chunked(elements, _options(80))
    assert chunks[0].context == ""
    assert len(chunks) > 4
    for each in chunks[1:]:
        assert each.context == "Name\tPlace\tHeight"
        assert each.kind == Kind.ELEMENT_KIND_TABLE
        assert list(each.heading_path) == ["Lamps"]
        assert each.text.startswith("lamp ")


def test_a_word_longer_than_a_chunk_is_cut() -> None:
    elements, text = assembled([document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text="a1" * 3000)])
    chunks = chunked(elements, _options(32))
    assert "".join(each.text for each in chunks) == text
    assert max(each.token_count for each in chunks) <= 32


@pytest.mark.parametrize("text", ["." * 50_000, " " * 50_000 + "a", "a.\n" * 20_000, "。" * 20_000, "a " * 30_000])
def test_odd_texts_end_and_stay_whole(text: str) -> None:
    elements, whole = assembled([document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text)])
    chunks = chunked(elements, _options(512))
    assert sum(len(each.text.split()) for each in chunks) >= len(whole.split())
