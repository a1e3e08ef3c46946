"""Marking and cutting a passage never loses or changes a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_sdk.command.passages import matches, passage, query_words, window
from lorekeep_sdk.command.screen import safe

TEXTS = st.text(alphabet=st.one_of(st.sampled_from("cow home sun \n\tßİ語"), st.characters()), max_size=400)
QUERIES = st.text(alphabet=st.one_of(st.sampled_from("cow home sun"), st.characters()), max_size=30)


@given(TEXTS, QUERIES)
def test_spans_are_in_order_and_inside_and_of_the_query(text: str, query: str) -> None:
    words = query_words(query)
    end = 0
    for first, last in matches(text, words):
        assert end <= first < last <= len(text)
        found = text[first:last].casefold()
        assert any(found.startswith(word) or word.startswith(found) for word in words)
        end = last


@given(TEXTS, QUERIES, st.integers(1, 200))
def test_a_window_lies_inside_and_is_no_longer_than_asked(text: str, query: str, width: int) -> None:
    start, end = window(text, matches(text, query_words(query)), width)
    assert 0 <= start <= end <= len(text)
    assert end - start <= width
    assert end > start or not text
    assert (start, end) == (0, len(text)) or len(text) > width


@given(TEXTS, QUERIES, st.integers(1, 200))
def test_a_passage_is_a_piece_of_the_text(text: str, query: str, width: int) -> None:
    flowing = safe(" ".join(text.split()))
    shown = passage(text, query, width).plain
    if len(flowing) <= width:
        assert shown == flowing
    else:
        piece = shown.removeprefix("… ") if not flowing.startswith(shown[:2]) else shown
        assert piece.removesuffix(" …") in flowing


@given(TEXTS, QUERIES)
def test_what_is_marked_is_what_matches(text: str, query: str) -> None:
    shown = passage(text, query, 10_000)
    marked = [(span.start, span.end) for span in shown.spans if "yellow" in str(span.style)]
    assert marked == matches(shown.plain, query_words(query))


@given(st.text())
def test_safe_text_keeps_its_length_and_every_printable_character(text: str) -> None:
    cleaned = safe(text)
    assert len(cleaned) == len(text)
    assert all(after == before or not before.isprintable() for before, after in zip(text, cleaned, strict=True))
    assert not set(cleaned) & {"\x1b", "\x07", "\x9b", "\r", "\x08"}


def test_the_part_with_most_words_is_shown() -> None:
    text = "cow " + "filler " * 200 + "the cow comes home under the sun " + "filler " * 200
    shown = passage(text, "cow home sun", 200).plain
    assert "cow comes home under the sun" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("which team has won the cup", {"teams", "won", "cup"}),
        ("the of and", {"the", "and"}),
        ("STRASSE", {"straße"}),
        ("???", set()),
    ],
)
def test_words_that_carry_the_query_are_marked(query: str, expected: set[str]) -> None:
    text = "the teams that won and a cup in the straße"
    assert {text[first:last] for first, last in matches(text, query_words(query))} == expected
