"""What happens where a device's memory does not suffice: smaller batches at once, and for a while afterwards."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from threading import Lock
from typing import TypeVar

import numpy as np

from lorekeep_chassis import logs
from lorekeep_chassis.errors import Overloaded
from lorekeep_embedder import metrics
from lorekeep_embedder.backends.seam import Outputs, Tokens

Loaded = TypeVar("Loaded")
_LOG = logs.logger(__name__)
_LEAST_TOKENS = 256
# Batches that must fit before the budget grows by an eighth. The number doubles with each batch that did not fit, so a
# memory that is too small for good is run into about once in 500 batches, and the way back has at most 48 steps.
_PATIENCE, _MOST_PATIENCE, _GROWTH = 32, 512, 8
_RETRY_SECONDS = 5.0


class BatchBudget:
    """The tokens that a batch may have, padding included: `most`, and less after a batch did not fit."""

    def __init__(self, most: int) -> None:
        self.tokens = most
        self._most = most
        self._patience = _PATIENCE
        self._fitting = 0
        self._lock = Lock()

    def lower(self, tokens: int) -> None:
        """Takes into account that a batch of so many tokens did not fit: half of it is allowed from now on."""
        with self._lock:
            self.tokens = min(self.tokens, max(_LEAST_TOKENS, tokens // 2))
            self._fitting = 0
            self._patience = min(2 * self._patience, _MOST_PATIENCE)

    def fitted(self, tokens: int) -> None:
        """Takes into account that a batch of so many tokens fitted; one under half the budget shows nothing."""
        with self._lock:
            self._fitting += 2 * tokens >= self.tokens
            if self._fitting < self._patience:
                return
            self._fitting = 0
            if self.tokens == self._most:
                self._patience = _PATIENCE
            self.tokens = min(self._most, self.tokens + self.tokens // _GROWTH)


class Frugal:
    """Runs batches by `compute`; one for which it raises `exhausted` is halved, down to single texts.

    `free` is called between tries. The pieces of batches that did not fit run one after another, so that they do not
    take the memory from each other.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Tokens]], Outputs],
        budget: BatchBudget,
        exhausted: type[Exception],
        free: Callable[[], None],
    ) -> None:
        self._compute = compute
        self._budget = budget
        self._exhausted = exhausted
        self._free = free
        self._one_at_a_time = Lock()

    def run(self, batch: Sequence[Tokens]) -> Outputs:
        """What the texts make, whole; Overloaded `out_of_memory` where one of them does not fit by itself."""
        outputs = self._tried(batch)
        if outputs is not None:
            return outputs
        with self._one_at_a_time:
            return _joined(self._pieces(batch))

    def _pieces(self, batch: Sequence[Tokens]) -> list[Outputs]:
        """Of a batch that did not fit. A single text gets one more try: what it ran beside may have ended."""
        if len(batch) == 1:
            outputs = self._tried(batch)
            if outputs is None:
                raise _too_small(len(batch[0]))
            return [outputs]
        self._budget.lower(_padded_tokens(batch))
        metrics.BATCH_REDUCTIONS.inc()
        middle = len(batch) // 2
        return [outputs for half in (batch[:middle], batch[middle:]) for outputs in self._piece(half)]

    def _piece(self, half: Sequence[Tokens]) -> list[Outputs]:
        outputs = self._tried(half)
        return self._pieces(half) if outputs is None else [outputs]

    def _tried(self, batch: Sequence[Tokens]) -> Outputs | None:
        try:
            outputs = self._compute(batch)
        except self._exhausted:
            metrics.OUT_OF_MEMORY.inc()
        else:
            self._budget.fitted(_padded_tokens(batch))
            return outputs
        # Only here has the error gone, and with it the frames that hold what the batch had made.
        facts = {"texts": len(batch), "padded_tokens": _padded_tokens(batch)}
        _LOG.warning("a batch did not fit the device's memory", extra={"lorekeep": facts})
        self._free()
        return None


def loaded_into(load: Callable[[], Loaded], exhausted: type[Exception], free: Callable[[], None]) -> Loaded:
    """What `load` gives; Overloaded `out_of_memory` where the device has no room for it."""
    with suppress(exhausted):
        return load()
    metrics.OUT_OF_MEMORY.inc()
    free()
    raise Overloaded(
        "The model does not fit the memory that the device has left. Try again after the given time, or have fewer "
        "models loaded.",
        reason="out_of_memory",
        retry_after_seconds=_RETRY_SECONDS,
    )


def _padded_tokens(batch: Sequence[Tokens]) -> int:
    return len(batch) * max(map(len, batch))


def _joined(pieces: Sequence[Outputs]) -> Outputs:
    vectors = np.concatenate([piece.vectors for piece in pieces])
    return Outputs(vectors, list(chain.from_iterable(piece.sparse for piece in pieces)))


def _too_small(tokens: int) -> Overloaded:
    return Overloaded(
        f"A text of {tokens} tokens does not fit the memory that the device has left. Try again after the given time, "
        "send shorter texts, or have fewer models loaded.",
        reason="out_of_memory",
        retry_after_seconds=_RETRY_SECONDS,
    )
