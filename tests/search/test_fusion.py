"""Fusion: properties that hold for any legs."""

from hypothesis import given
from hypothesis import strategies as st

from lorekeep_search.fusion import best, fused
from lorekeep_search.store import DENSE, LEXICAL, Candidate, LegResult

scores = st.floats(0.25, 30, allow_nan=False)
found = st.dictionaries(st.integers(0, 30), scores, max_size=30)


def candidate(number: int, score: float, document: str = "d") -> Candidate:
    return Candidate(f"point-{number:03}", f"chunk-{number:03}", document, score)


def leg(name: str, scored: dict[int, float]) -> LegResult:
    return LegResult(name, [candidate(number, score) for number, score in scored.items()], 1.0)


@given(found, found, st.randoms())
def test_the_order_of_the_input_does_not_matter(dense: dict[int, float], lexical: dict[int, float], random) -> None:  # type: ignore[no-untyped-def]
    results = [leg(DENSE, dense), leg(LEXICAL, lexical)]
    shuffled = [each._replace(candidates=random.sample(each.candidates, len(each.candidates))) for each in results]
    assert fused(results) == fused(list(reversed(shuffled)))


@given(found, found)
def test_everything_found_is_ranked_once_between_0_and_1(dense: dict[int, float], lexical: dict[int, float]) -> None:
    ranked = fused([leg(DENSE, dense), leg(LEXICAL, lexical)])
    assert {each.candidate.chunk_id for each in ranked} == {f"chunk-{number:03}" for number in dense | lexical}
    assert len(ranked) == len(dense | lexical)
    assert all(0 <= each.score <= 1 for each in ranked)


@given(found, found)
def test_order_is_by_score_and_ties_by_chunk(dense: dict[int, float], lexical: dict[int, float]) -> None:
    ranked = fused([leg(DENSE, dense), leg(LEXICAL, lexical)])
    keys = [(-each.score, each.candidate.chunk_id) for each in ranked]
    assert keys == sorted(keys)


@given(found)
def test_one_leg_alone_keeps_its_order(scored: dict[int, float]) -> None:
    for name in (DENSE, LEXICAL):
        raw = [scored[int(each.candidate.chunk_id[-3:])] for each in fused([leg(name, scored)])]
        assert raw == sorted(raw, reverse=True)


@given(found.filter(bool), found.filter(bool))
def test_better_in_both_legs_is_never_worse(dense: dict[int, float], lexical: dict[int, float]) -> None:
    ranked = {each.candidate.chunk_id: each.score for each in fused([leg(DENSE, dense), leg(LEXICAL, lexical)])}
    both = dense.keys() & lexical.keys()
    for first in both:
        for second in both:
            if dense[first] >= dense[second] and lexical[first] >= lexical[second]:
                assert ranked[f"chunk-{first:03}"] >= ranked[f"chunk-{second:03}"] - 1e-12


def test_what_leads_both_legs_scores_1_and_keeps_the_legs_scores() -> None:
    first, second = fused([leg(DENSE, {1: 0.9, 2: 0.1}), leg(LEXICAL, {1: 8.0})])
    assert (first.score, first.legs) == (1.0, {DENSE: first.legs[DENSE], LEXICAL: 8.0})
    assert (second.score, second.legs) == (0.0, {DENSE: second.legs[DENSE]})


def test_a_word_match_close_to_the_best_keeps_almost_all_of_its_score() -> None:
    first, second = fused([leg(LEXICAL, {1: 9.0, 2: 8.0})])
    assert first.score == 1.0
    assert second.score > 0.8


def test_equal_scores_order_by_chunk() -> None:
    ranked = fused([leg(DENSE, {3: 0.5, 1: 0.5, 2: 0.5})])
    assert [each.candidate.chunk_id for each in ranked] == ["chunk-001", "chunk-002", "chunk-003"]


def test_no_document_gives_more_than_its_share() -> None:
    scored = [candidate(number, 1 - number / 10, "a" if number < 5 else "b") for number in range(8)]
    ranked = fused([LegResult(DENSE, scored, 1.0)])
    assert [each.candidate.document_id for each in best(ranked, 3, 2)] == ["a", "a", "b"]
    assert [each.candidate.document_id for each in best(ranked, 3, 0)] == ["a", "a", "a"]
