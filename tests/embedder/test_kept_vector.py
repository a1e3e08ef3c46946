"""The format of a kept vector: back as it was, or not at all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lorekeep_embedder.caching.kept_vector import KeptVector, unpacked

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
VECTORS = st.integers(1, 40).flatmap(lambda size: arrays(np.float32, size, elements=FINITE))


@given(vector=VECTORS, token_count=st.integers(1, 2**32 - 1), truncated=st.booleans())
def test_what_was_packed_comes_back(vector: np.ndarray, token_count: int, truncated: bool) -> None:  # type: ignore[type-arg]
    kept = unpacked(KeptVector(vector, token_count, truncated).packed(), len(vector))
    assert kept is not None
    assert (kept.token_count, kept.truncated) == (token_count, truncated)
    assert kept.vector.tobytes() == vector.astype("<f4").tobytes()


@given(value=st.binary(max_size=64), dimensions=st.integers(1, 15))
def test_garbage_is_nothing_or_a_vector_of_the_right_size(value: bytes, dimensions: int) -> None:
    kept = unpacked(value, dimensions)
    assert kept is None or (kept.packed() == value and np.isfinite(kept.vector).all())


@given(vector=VECTORS)
def test_a_vector_of_another_size_or_version_is_nothing(vector: np.ndarray) -> None:  # type: ignore[type-arg]
    value = KeptVector(vector, 3, False).packed()
    assert unpacked(value, len(vector) + 1) is None
    assert unpacked(value[:-1], len(vector)) is None
    assert unpacked(value + b"\0", len(vector)) is None
    assert unpacked(b"\2" + value[1:], len(vector)) is None
    assert unpacked(value[:1] + b"\7" + value[2:], len(vector)) is None
    assert unpacked(value[:-4] + np.float32(np.nan).tobytes(), len(vector)) is None
