"""Shapes that batches are computed in: few, and hardly larger than the batches."""

from hypothesis import given
from hypothesis import strategies as st

from lorekeep_embedder.backends.seam import Tokens, padded
from lorekeep_embedder.backends.shapes import rounded

WINDOW = 8192


@given(texts=st.integers(1, 4096), tokens=st.integers(1, WINDOW))
def test_a_shape_holds_its_batch_and_little_more(texts: int, tokens: int) -> None:
    rows, length = rounded(texts, tokens, WINDOW)
    assert texts <= rows <= texts + 3
    assert tokens <= length <= tokens + (3 if tokens <= 24 else 7 if tokens <= 64 else max(15, tokens / 16))
    assert rounded(rows, length, WINDOW) == (rows, length)


@given(tokens=st.integers(1, 300), window=st.integers(1, 300))
def test_a_shape_never_leaves_the_window(tokens: int, window: int) -> None:
    assert rounded(1, tokens, window)[1] <= max(tokens, window)


def test_the_shapes_of_the_largest_budget_of_a_cpu_are_few() -> None:
    shapes = {rounded(texts, tokens, 256) for tokens in range(1, 257) for texts in range(1, 512 // tokens + 1)}
    assert len(shapes) <= 350


def test_what_a_shape_has_beyond_its_batch_is_a_token_to_attend_to() -> None:
    ids, mask, _ = padded([Tokens([5, 6, 7])], (2, 4))
    assert ids.tolist() == [[5, 6, 7, 0], [0, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]
