"""Where sentences end, in any script, and where a text without any may be cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_parser.chunking import borders, sentences


def _of(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences.of_prose(text)]


@pytest.mark.parametrize(
    "whole",
    [
        "Dr. Jones and Mrs. A. B. Smith came at 5 p.m. on Jan. 3 to St. Ives.",
        "It cost 3.50 dollars, e.g. Oil, i.e. the U.S. Standard kind.",
        "He waited ... and then he went.",
        "“Really?” asked the keeper.",
        "Das gilt z. B. für Öl, d. h. Petroleum bzw. Paraffin.",
        "See fig. 3 and eq. 7 of Smith et al. Nature.",
        "a line that is\nbroken at a fixed width\nthough it goes on.",
        "Version 1.2.3 of lamp.py was used.",
    ],
)
def test_a_sentence_stays_whole(whole: str) -> None:
    assert _of(f"{whole} Then came another.") == [whole, "Then came another."]


@pytest.mark.parametrize(
    "first",
    [
        "It was dark.",
        "Was it dark?!",
        "It was dark…",
        "“It was dark.”",
        "(It was dark.)",
        "那天夜里很黑。",
        "「暗いですね。」",
        "هل كان مظلما؟",
        "رات اندھیری تھی۔",
        "रात अंधेरी थी।",
        "យប់\u200bងងឹត។",
        "Գիշերը մութ էր։",
        "ሌሊቱ ጨለማ ነበር።",
        "ညမှောင်သည်။",
    ],
)
def test_a_sentence_ends(first: str) -> None:
    assert _of(f"{first} The Next One came.") == [first, "The Next One came."]
    assert sentences.finished(first)
    assert not sentences.finished(f"{first} and then")


def test_some_scripts_need_no_white_space_behind_a_sentence() -> None:
    assert _of("灯台は高い。守は一人だ！嵐が来る。") == ["灯台は高い。", "守は一人だ！", "嵐が来る。"]
    assert _of("पहला।दूसरा।") == ["पहला।", "दूसरा।"]


def test_blank_lines_and_lines_that_begin_anew_end_one() -> None:
    assert _of("No stop here\n\nand none there\nName: Jones") == ["No stop here", "and none there", "Name: Jones"]


@given(st.text(alphabet="aB .!?。।\n\"')…x5", max_size=200))
def test_sentences_hold_all_that_is_visible(text: str) -> None:
    spans = list(sentences.of_prose(text))
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(text[a:b].strip() == text[a:b] != "" for a, b in spans)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("one two", "one"),
        ("灯台守、嵐来る", "灯台守、"),
        ("ab", "a"),
        ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ("e\u0301\u0323a\u0301\u0323", "e\u0301\u0323"),
    ],
)
def test_halves_part_no_word_and_no_character(text: str, left: str) -> None:
    (begin, end), (start, behind) = borders.halves(text)
    assert text[begin:end] == left
    assert text[begin:end].strip() and text[start:behind].strip()


@given(st.text(min_size=2, max_size=300).filter(lambda text: len(text.strip()) > 1))
def test_halves_lose_nothing_visible(text: str) -> None:
    text = text.strip()
    (begin, end), (start, behind) = borders.halves(text)
    assert 0 == begin < end <= start < behind == len(text)
    assert not text[end:start].strip()
