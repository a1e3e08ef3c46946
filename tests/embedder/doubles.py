"""A backend that computes nothing and remembers everything; it obeys the seam's contract."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import numpy as np

from lorekeep_embedder.backends.seam import Vectors


class RememberingBackend:
    """Vectors are (first id, number of ids). While it is held, a batch that has begun does not end."""

    name, precision, device = "remembering", "float32", "cpu"

    def __init__(self, *, batch_tokens: int = 8, sessions: int = 1) -> None:
        self.batch_tokens = batch_tokens
        self.sessions = sessions
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

    def embed(self, token_ids: Sequence[Sequence[int]]) -> Vectors:
        self.batches.append([ids[0] for ids in token_ids])
        self.begun.set()
        assert self._go.wait(30)
        if self.fail_on in self.batches[-1]:
            raise RuntimeError("the runtime gave up")
        return np.array([[ids[0], len(ids)] for ids in token_ids], np.float32)

    def close(self) -> None:
        """Holds nothing."""
