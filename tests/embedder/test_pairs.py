"""Pairs and heads of long texts, against transformers' own reading of the same tokenizer.json."""

from concurrent.futures import CancelledError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder.texts.heads import Heads, never
from lorekeep_embedder.texts.tokenizer import Tokenised, Tokenizer
from tests.embedder.tokenizer_kinds import KINDS, WINDOW_TOKENS, of_kind

MARK = "\u0301"
PARTS = (
    "a", "garden", "12", " ", "   ", "\n", "\r\n \n", "\t", ".", "...", "'s", "'", MARK, "\u0323" + MARK, "é", "機械",
    "\u200b", "\0", "[SEP]", "<s>", "</s>", "<mask>", " <mask>", "<ma", "<pad>", "\u1100\u1161", "ﬁ", "🙂", "▁",
)  # fmt: skip
SEAMS = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=2)), max_size=120).map("".join)
# Each part up to 500 times: many times the head that is read first.
LONG = st.lists(st.tuples(st.one_of(st.sampled_from(PARTS), st.text(max_size=4)), st.integers(1, 500)), max_size=6).map(
    lambda parts: "".join(part * times for part, times in parts)
)
SHORT = st.lists(st.sampled_from(PARTS), max_size=5).map("".join)


def cut(tokenizer: Tokenizer, texts: list[str]) -> Tokenised:
    """What fits, of texts that hold something for sure."""
    return tokenizer.tokenised(texts, truncate=True)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(texts=st.lists(LONG, min_size=1, max_size=3))
def test_a_long_text_has_the_ids_that_all_of_it_would_have(kind: str, texts: list[str]) -> None:
    ours, oracle = of_kind(kind)
    texts = [f"a {text}" for text in texts]
    wanted = oracle(texts, truncation=True, max_length=WINDOW_TOKENS)["input_ids"]
    whole = oracle(texts)["input_ids"]
    made = cut(ours, texts)
    assert [each.ids for each in made.texts] == wanted
    assert made.truncated_count == sum(len(each) > WINDOW_TOKENS for each in whole)
    assert made.token_count == sum(map(len, wanted))


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=300)
@given(text=SEAMS, room=st.integers(1, 12), window_tokens=st.integers(1, 6))
def test_no_cut_of_a_head_shows_in_its_ids(kind: str, text: str, room: int, window_tokens: int) -> None:
    _, oracle = of_kind(kind)
    whole = oracle(text, add_special_tokens=False)["input_ids"]
    [head] = Heads(oracle.backend_tokenizer, window_tokens).of([text], room, never)
    assert head.ids == whole[:room]
    assert head.over == (len(whole) > room)
    assert head.count in (0, len(whole))


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(query=SHORT.filter(bool), texts=st.lists(LONG.filter(bool), min_size=1, max_size=3))
def test_a_pair_has_the_ids_and_types_of_the_oracle(kind: str, query: str, texts: list[str]) -> None:
    ours, oracle = of_kind(kind)
    try:
        made = ours.paired(query, texts, truncate=True)
    except InvalidInput as error:
        assert error.reason == "query_too_long"
        assert len(oracle(query, add_special_tokens=False)["input_ids"]) > WINDOW_TOKENS - 4 - 8
        return
    for text, tokens in zip(texts, made.texts, strict=True):
        wanted = oracle(query, text, truncation="only_second", max_length=WINDOW_TOKENS, return_token_type_ids=True)
        assert tokens.ids == wanted["input_ids"]
        if kind != "no-special":
            assert (tokens.types or [0] * len(tokens)) == wanted["token_type_ids"]


def test_a_long_text_that_fits_is_not_refused_for_its_length() -> None:
    ours, oracle = of_kind("bert")
    text = "a" + "\u200b" * 20_000 + " garden"
    [tokens] = ours.tokenised([text], truncate=False).texts
    assert tokens.ids == oracle(text)["input_ids"]


def test_a_pair_over_the_window_is_refused_by_its_texts_number_unless_it_may_be_cut() -> None:
    ours, _ = of_kind("bert")
    with pytest.raises(InvalidInput, match=r"Text 1 has \d+ tokens together with the query") as error:
        ours.paired("a garden", ["words", "letters " * 30], truncate=False)
    assert (error.value.reason, error.value.field) == ("text_too_long", "texts[1]")
    with pytest.raises(InvalidInput, match="Text 0 has over 32 tokens"):
        ours.tokenised(["letters " * 1000], truncate=False)
    assert ours.paired("a garden", ["words", "letters " * 30], truncate=True).truncated_count == 1


def test_a_query_that_fills_the_window_is_refused_and_never_cut() -> None:
    ours, _ = of_kind("bert")
    with pytest.raises(InvalidInput, match="leaves no room for a text") as error:
        ours.paired("a " * 22, ["words"], truncate=True)
    assert (error.value.reason, error.value.field) == ("query_too_long", "query")
    assert ours.paired("a " * 21, ["words"], truncate=True).truncated_count == 0


def test_a_text_without_a_token_is_blank() -> None:
    ours, _ = of_kind("no-special")
    with pytest.raises(InvalidInput) as error:
        ours.tokenised(["a", ""], truncate=True)
    assert (error.value.reason, error.value.field) == ("blank_text", "texts[1]")


def test_tokenising_ends_once_the_caller_has_gone() -> None:
    ours, _ = of_kind("bert")
    answers = iter([False, False, True])
    with pytest.raises(CancelledError):
        ours.tokenised(["word " * 40_000] * 100, truncate=True, gone=lambda: next(answers))
    assert next(answers, None) is None
