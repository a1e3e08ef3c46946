"""How the document's structure decides where chunks end."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from tests.parser.passages import DOCUMENT, Kind, assembled, chunked, counters

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2

COUNTER = counters()["words"]


@settings(max_examples=60, deadline=None)
@given(DOCUMENT)
def test_elements_are_slices_of_the_joined_segments(found: list[document_pb2.Element]) -> None:
    elements, text = assembled(found)
    assert text == "\n\n".join(each.text for each in elements)
    for number, each in enumerate(elements):
        assert each.ordinal == number
        assert each.text == text[each.start : each.end]
        assert each.text.strip()


def _options(most: int, **others: int) -> parser_pb2.ChunkOptions:
    return parser_pb2.ChunkOptions(max_tokens=most, min_tokens=others.pop("min_tokens", 1), **others)


def _prose(count: int) -> document_pb2.Element:
    text = " ".join(f"The keeper wrote line number {number} into the log." for number in range(count))
    return document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text)


def _heading(text: str, level: int = 1) -> document_pb2.Element:
    return document_pb2.Element(kind=Kind.ELEMENT_KIND_HEADING, text=text, level=level)


def test_headings_open_the_chunk_that_follows_them() -> None:
    elements, _ = assembled([_heading("One"), _heading("Two", 2), _prose(3), _heading("Three"), _prose(3)])
    first, second = chunked(elements, _options(200), COUNTER)
    assert first.text.startswith("One\n\nTwo\n\nThe keeper")
    assert list(first.heading_path) == ["One", "Two"]
    assert second.text.startswith("Three\n\nThe keeper")
    assert list(second.heading_path) == ["Three"]


def test_a_long_section_is_shared_evenly() -> None:
    elements, _ = assembled([_prose(30)])
    chunks = chunked(elements, _options(200, min_tokens=100), COUNTER)
    assert len(chunks) == 2
    assert abs(chunks[0].token_count - chunks[1].token_count) < 40


def test_overlap_repeats_whole_sentences() -> None:
    elements, _ = assembled([_prose(60)])
    chunks = chunked(elements, _options(100, overlap_tokens=30), COUNTER)
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
    chunks = chunked(elements, _options(80), COUNTER)
    assert chunks[0].context == ""
    assert len(chunks) > 4
    for each in chunks[1:]:
        assert each.context == "Name\tPlace\tHeight"
        assert each.kind == Kind.ELEMENT_KIND_TABLE
        assert list(each.heading_path) == ["Lamps"]
        assert each.text.startswith("lamp ")


def test_a_word_longer_than_a_chunk_is_cut() -> None:
    elements, text = assembled([document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text="a1" * 3000)])
    chunks = chunked(elements, _options(32), COUNTER)
    assert "".join(each.text for each in chunks) == text
    assert max(each.token_count for each in chunks) <= 32


@pytest.mark.parametrize("text", ["." * 50_000, " " * 50_000 + "a", "a.\n" * 20_000, "。" * 20_000, "a " * 30_000])
def test_odd_texts_end_and_stay_whole(text: str) -> None:
    elements, whole = assembled([document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text)])
    chunks = chunked(elements, _options(512), COUNTER)
    assert sum(len(each.text.split()) for each in chunks) >= len(whole.split())
