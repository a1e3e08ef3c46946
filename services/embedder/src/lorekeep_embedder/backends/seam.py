"""The seam between everything else and the expensive thing."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Backend(Protocol):
    """A loaded model. A GPU, a reranker or another runtime is one more of these; what schedules does not change."""

    @property
    def name(self) -> str:
        """What runs the model: `onnxruntime`, `torch`."""

    @property
    def precision(self) -> str:
        """Number format that it computes in: `float32`."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda`."""

    @property
    def sessions(self) -> int:
        """Batches that may be computed side by side, each by its own thread."""

    @property
    def batch_tokens(self) -> int:
        """Tokens in a batch, padding included, beyond which it gets no quicker."""

    def embed(self, token_ids: Sequence[Sequence[int]]) -> Vectors:
        """Vectors, texts x dimensions, in the order given; called from several threads. Ids end within the window."""

    def close(self) -> None:
        """Gives memory and devices back; nothing is called afterwards."""


def padded(token_ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Ids and mask, both texts x longest text; the mask is 1 where a token is, and ids are 0 where none is."""
    longest = max(map(len, token_ids))
    ids = np.zeros((len(token_ids), longest), np.int64)
    mask = np.zeros((len(token_ids), longest), np.int32)
    for row, tokens in enumerate(token_ids):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask
