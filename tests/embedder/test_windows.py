"""Far too long texts are told and cut without being read, and to the same tokens."""

import pytest

from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder import windows
from lorekeep_embedder.registry import ModelSpec
from lorekeep_embedder.tokenizer import Tokenizer

FAR_TOO_LONG = [
    "All work and no play makes Jack a dull boy. " * 4_000,
    "機械学習は、データから規則性を学ぶ手法の総称である。" * 4_000,
    "\n".join(["word " * 3] * 10_000),
    " " * 5_000 + "late words come " * 10_000,
]
FITTING = ["a" * 100_000, " " * 100_000 + "x", ("a" * 5_000 + " ") * 20, "short"]


@pytest.mark.parametrize("text", FAR_TOO_LONG + FITTING, ids=lambda text: repr(text[:12]))
def test_a_shortened_text_has_the_tokens_of_the_whole(spec: ModelSpec, tokenizer: Tokenizer, text: str) -> None:
    read = 0

    def too_long(beginning: str) -> bool:
        nonlocal read
        read += len(beginning)
        return tokenizer.tokenised([beginning], truncate=True).truncated_count > 0

    short = windows.shortened(text, spec.window_tokens, too_long)
    assert tokenizer.tokenised([short], truncate=True).texts[0].ids == (
        tokenizer.tokenised([text], truncate=True).texts[0].ids
    )
    if text in FAR_TOO_LONG:
        assert read + len(short) < len(text) / 2
        with pytest.raises(InvalidInput):
            tokenizer.tokenised([short], truncate=False)
    else:
        assert short == text
