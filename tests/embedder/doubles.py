"""A backend that computes nothing and remembers everything; it obeys the seam's contract."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import numpy as np

from lorekeep_embedder.backends.seam import MOST_BATCH_TOKENS, Outputs, Tokens


class RememberingBackend:
    """Vectors are (first id, number of ids). While it is held, a batch that has begun does not end."""

    name, precision, device, memory_bytes = "remembering", "float32", "cpu", 1

    def __init__(self, *, batch_tokens: int = 8) -> None:
        self.batch_tokens, self.room_tokens = batch_tokens, MOST_BATCH_TOKENS
        self.batches: list[list[int]] = []
        self.begun = Event()
        self.fail_on: int | None = None
        self._go = Event()
        self._go.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Batches that begin inside end after it."""
        self._go.clear()
        try:
            yield
        finally:
            self._go.set()

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        self.batches.append([tokens.ids[0] for tokens in batch])
        self.begun.set()
        assert self._go.wait(30)
        if self.fail_on in self.batches[-1]:
            raise RuntimeError("the runtime gave up")
        return Outputs(np.array([[tokens.ids[0], len(tokens)] for tokens in batch], np.float32))

    def close(self) -> None:
        """Holds nothing."""
