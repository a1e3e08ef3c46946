"""Tokens counted word by word are those that the tokenizer counts."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.parser.parser_process import tokenizer_bytes
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from lorekeep_parser.chunking.word_counts import WordCounts

_TOKENIZER = Tokenizer.from_buffer(tokenizer_bytes())
_TOKENIZER.no_padding()
_TOKENIZER.no_truncation()
_PIECES = ["[CLS]", "[sep]", "the", "Unaffable", "lighthouse's", "x" * 101, "2024-11-21", "3.50", "\r\n", "\t", "\x1c"]
_TEXTS = st.lists(st.one_of(st.sampled_from(_PIECES), st.text(st.characters(max_codepoint=255)))).map("".join)


def _counts() -> WordCounts:
    counts = WordCounts.of(_TOKENIZER)
    assert counts is not None
    return counts


_WORDS = _counts()


@given(st.lists(_TEXTS, min_size=1, max_size=5))
def test_counts_are_the_tokenizers(texts: list[str]) -> None:
    plain = [each for each in texts if _WORDS.plain(each)]
    encoded = _TOKENIZER.encode_batch(plain, add_special_tokens=False)
    assert _WORDS.counts(plain) == [len(each.ids) for each in encoded]


def test_prose_is_counted_so_and_what_the_tokenizer_treats_otherwise_is_not() -> None:
    assert _WORDS.plain("The lamp's keeper (1,204 of them)\n\tsleeps - at last!")
    assert not any(map(_WORDS.plain, ["caf\u00e9", "a\x00b", "the [SEP] mark", "the [sep] mark"]))


def test_other_kinds_of_tokenizers_are_left_alone() -> None:
    assert WordCounts.of(Tokenizer(models.BPE())) is None
    assert WordCounts.of(_changed(lambda each: setattr(each, "pre_tokenizer", pre_tokenizers.Whitespace()))) is None
    assert WordCounts.of(_changed(lambda each: setattr(each, "normalizer", normalizers.Lowercase()))) is None


def _changed(change: Callable[[Any], None]) -> Tokenizer:
    tokenizer = Tokenizer.from_buffer(tokenizer_bytes())
    change(tokenizer)
    return tokenizer
