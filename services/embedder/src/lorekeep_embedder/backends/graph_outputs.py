"""From a graph's named arrays to what the seam promises."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lorekeep_embedder.backends.seam import Outputs, SparseVector, Tokens

NAMES = ("vectors", "term_weights", "token_weights")
Array = NDArray[np.float32]


def outputs(batch: Sequence[Tokens], named: Mapping[str, Array]) -> Outputs:
    """`vectors`, and the sparse vectors of a graph that has `term_weights` or `token_weights`."""
    if "term_weights" in named:
        return Outputs(named["vectors"], [_of_terms(row) for row in named["term_weights"]])
    if "token_weights" in named:
        rows = zip(batch, named["token_weights"], strict=True)
        return Outputs(named["vectors"], [_of_tokens(tokens, row) for tokens, row in rows])
    return Outputs(named["vectors"])


def _of_terms(weights: Array) -> SparseVector:
    indices = np.flatnonzero(weights > 0)
    return SparseVector(indices.astype(np.uint32), weights[indices])


def _of_tokens(tokens: Tokens, weights: Array) -> SparseVector:
    """A term's largest weight, over all the places where it stands."""
    values = weights[: len(tokens)]
    kept = values > 0
    terms, places = np.unique(np.asarray(tokens.ids)[kept], return_inverse=True)
    largest = np.zeros(len(terms), np.float32)
    np.maximum.at(largest, places, values[kept])
    return SparseVector(terms.astype(np.uint32), largest)
