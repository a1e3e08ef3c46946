"""The seam between everything else and the expensive thing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


# The most that a batch may be set to; a device with less memory halves it until it fits.
MOST_BATCH_TOKENS = 65_536


class Tokens:
    """What a model reads of one text, or of a pair of texts: `ids`, special tokens included.

    `types` are 0 for the tokens of a pair's first text and 1 for those of its second; None where there is one text.
    """

    __slots__ = ("ids", "types")

    def __init__(self, ids: Sequence[int], types: Sequence[int] | None = None) -> None:
        self.ids = ids
        self.types = types

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Weights of a text's terms: `indices` of the vocabulary, ascending, each once, and their `values`, over 0."""

    indices: NDArray[np.uint32]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model makes of texts, in their order.

    `vectors` are texts x dimensions; a reranker's are texts x 1, scores from 0 to 1. `sparse` has one a text for a
    model that makes them, and is empty otherwise.
    """

    vectors: Vectors
    sparse: Sequence[SparseVector] = ()


class Runs(Protocol):
    """What a model runs on, or would."""

    @property
    def name(self) -> str:
        """The backend: `openvino`, `onnxruntime`, `torch`."""

    @property
    def precision(self) -> str:
        """Number format that it computes in: `float32`, `bfloat16`, `float16`, `int8`."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda`."""


class Backend(Runs, Protocol):
    """A loaded model. A GPU, a reranker or another runtime is one more of these; what schedules does not change."""

    @property
    def batch_tokens(self) -> int:
        """Tokens in a batch, padding included, with which it is about quickest; half and twice as many are timed."""

    @property
    def room_tokens(self) -> int:
        """Tokens that a batch may have at most now, padding included: less for a while after memory ran out."""

    @property
    def memory_bytes(self) -> int:
        """Memory that it holds, on the device where it runs, as well as it can be told."""

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        """What the model makes of the texts; called from several threads. Texts end within the window."""

    def close(self) -> None:
        """Gives memory and devices back; nothing is called afterwards."""


class Padded(NamedTuple):
    """A batch as arrays, each texts x tokens of the longest text. `types` are all 0 where the batch has no pairs."""

    ids: NDArray[np.int64]
    mask: NDArray[np.int32]
    types: NDArray[np.int64]


def padded(batch: Sequence[Tokens], shape: tuple[int, int] | None = None) -> Padded:
    """Pads to the longest, or to `shape`; the mask is 1 where a token is, and ids are 0 where none is.

    A text that `shape` has beyond the batch's is a single token: attention to nothing at all is no number.
    """
    shape = shape or (len(batch), max(map(len, batch)))
    made = Padded(np.zeros(shape, np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.int64))
    for row, tokens in enumerate(batch):
        made.ids[row, : len(tokens)] = tokens.ids
        made.mask[row, : len(tokens)] = 1
        if tokens.types is not None:
            made.types[row, : len(tokens)] = tokens.types
    made.mask[len(batch) :, 0] = 1
    return made
