"""The lexical leg's words."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_search import terms


def shared(passage: str, query: str) -> int:
    """How many of the query's terms the passage has."""
    return len(set(terms.of_passage([passage]).indices) & set(terms.of_query(query).indices))


@pytest.mark.parametrize(
    ("passage", "query"),
    [
        ("Running shoes", "run"),
        ("ﬁne ｗｉｄｅ", "FINE wide"),
        ("Straße", "STRASSE"),
        ("RECEIPT-2024-TXN-98765_retail.pdf", "txn 98765 retail"),
        ("東京都の水道", "東京"),
        ("東京都の水道", "水道"),
        ("東京都の水道", "水"),
        ("iPhoneを買う", "iphone"),
        ("한국어 문서", "한국어"),
        ("हिन्दी में", "हिन्दी"),
        ("CD4+ T-cells", "cd4 cell"),
        ("Ночь, улица", "УЛИЦА"),
    ],
)
def test_a_passage_has_all_terms_of_a_query_for_it(passage: str, query: str) -> None:
    assert shared(passage, query) == len(terms.of_query(query).indices) > 0


@pytest.mark.parametrize(("passage", "query"), [("東京都", "京東"), ("cat", "car"), ("हिन्दी", "हिन"), ("", "x")])
def test_other_words_share_nothing(passage: str, query: str) -> None:
    assert shared(passage, query) == 0


@given(st.text())
def test_terms_are_distinct_sorted_and_32_bits(text: str) -> None:
    for vector in (terms.of_passage([text]), terms.of_query(text)):
        assert vector.indices == sorted(set(vector.indices))
        assert all(0 <= each < 2**32 for each in vector.indices)
        assert len(vector.indices) == len(vector.values)
        assert all(0 < each < 2.2 for each in vector.values)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_querys_terms_are_in_a_passage_that_holds_it(query: str, more: str) -> None:
    passage = terms.of_passage([query, more])
    assert set(terms.of_query(query).indices) <= set(passage.indices)


def test_repetition_counts_less_each_time_and_length_counts_against() -> None:
    def weight(text: str) -> float:
        return terms.of_passage([text]).values[0]

    once, twice, thrice = weight("duck"), weight("duck duck"), weight("duck duck duck")
    assert once < twice < thrice
    assert twice - once > thrice - twice
    term = terms.of_query("duck").indices[0]
    longer = terms.of_passage(["duck", *(f"word{number}" for number in range(300))])
    assert longer.values[longer.indices.index(term)] < once


def test_a_querys_terms_count_once_each() -> None:
    assert terms.of_query("duck duck lake").values == [1.0, 1.0]


def test_terms_are_the_same_in_every_process() -> None:
    """Python's own hash is not; an index would be lost with each restart."""
    script = "from lorekeep_search import terms; print(*terms.of_query('wild duck 東京').indices)"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {(" ".join(map(str, terms.of_query("wild duck 東京").indices)) + "\n").encode()}
