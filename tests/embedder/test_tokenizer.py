"""Windows, truncation and what GetTokenizer hands out."""

import hashlib
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.texts.tokenizer import Tokenizer

WORD = "garden "


def test_the_files_own_truncation_and_padding_do_not_count(tokenizer: Tokenizer) -> None:
    assert [len(each) for each in tokenizer.tokenised([WORD, WORD * 200], truncate=False).texts] == [3, 202]


def test_the_window_itself_fits_and_one_more_does_not(tokenizer: Tokenizer, spec: ModelSpec) -> None:
    full = WORD * (spec.window_tokens - 2)
    assert tokenizer.tokenised([full], truncate=False).token_count == spec.window_tokens
    with pytest.raises(InvalidInput, match=r"Text 1 has 257 tokens, and all-MiniLM-L6-v2 reads at most 256") as error:
        tokenizer.tokenised([full, full + WORD], truncate=False)
    assert error.value.reason == "text_too_long"
    assert error.value.field == "texts[1]"


def test_a_cut_text_keeps_its_beginning_and_its_end_marker(tokenizer: Tokenizer, spec: ModelSpec) -> None:
    whole = tokenizer.tokenised([WORD * 100], truncate=True)
    cut = tokenizer.tokenised([WORD, WORD * 1000], truncate=True)
    assert (whole.truncated_count, cut.truncated_count) == (0, 1)
    assert len(cut.texts[1]) == spec.window_tokens
    assert (cut.texts[1].ids[0], cut.texts[1].ids[-1]) == (cut.texts[0].ids[0], cut.texts[0].ids[-1])


@given(texts=st.lists(st.text(max_size=400), min_size=1, max_size=5))
def test_cutting_is_the_tokenizers_own(tokenizer: Tokenizer, folder: Path, texts: list[str]) -> None:
    own = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    own.no_padding()
    own.enable_truncation(256)
    assert [each.ids for each in tokenizer.tokenised(texts, truncate=True).texts] == [
        own.encode(text).ids for text in texts
    ]


def test_its_fingerprint_is_the_hash_of_its_file(tokenizer: Tokenizer, folder: Path) -> None:
    assert hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest() == tokenizer.fingerprint
