"""One request's texts on their way to vectors, and the batches that are cut from them."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from opentelemetry.trace import SpanContext

from lorekeep_chassis.calls import Lane
from lorekeep_embedder.admission import Throughput
from lorekeep_embedder.backends.seam import Backend, Outputs, SparseVector, Tokens, Vectors

# Texts of a batch are within 15 % of its longest, or within 8 tokens where that is more: padding is computed too.
_NEAR_SHARE, _NEAR_TOKENS = 0.85, 8


class Work:
    """The texts of one request, for one model. `outputs` ends with what it made of them, in the order given.

    `expires_at` is on the clock of whoever schedules; None where the caller set no deadline.
    """

    def __init__(
        self,
        backend: Backend,
        throughput: Throughput,
        texts: Sequence[Tokens],
        *,
        organisation_id: str,
        lane: Lane,
        expires_at: float | None,
        span: SpanContext,
        outputs: "asyncio.Future[Outputs]",
    ) -> None:
        self.backend = backend
        self.throughput = throughput
        self.texts = texts
        self.organisation_id = organisation_id
        self.lane = lane
        self.expires_at = expires_at
        self.span = span
        self.outputs = outputs
        self._waiting = sorted((len(tokens), position) for position, tokens in enumerate(texts))
        self._missing = len(texts)
        self._rows: list[Vectors | None] = [None] * len(texts)
        self._sparse: dict[int, SparseVector] = {}

    @property
    def waiting_texts(self) -> int:
        """Texts that no batch has taken yet."""
        return len(self._waiting)

    @property
    def waiting_tokens(self) -> int:
        """Tokens that no batch has taken yet."""
        return sum(length for length, _ in self._waiting)

    @property
    def longest(self) -> int:
        """Tokens of the longest text that waits."""
        return self._waiting[-1][0]

    def take(self, longest: int, room: int) -> list[int]:
        """Positions of at most `room` texts that fit a batch whose longest text has `longest` tokens."""
        shortest = min(_NEAR_SHARE * longest, longest - _NEAR_TOKENS)
        end = bisect_right(self._waiting, (longest, len(self.texts)))
        begin = end
        while begin > 0 and end - begin < room and self._waiting[begin - 1][0] >= shortest:
            begin -= 1
        taken = [position for _, position in self._waiting[begin:end]]
        del self._waiting[begin:end]
        return taken

    def deliver(self, position: int, vector: Vectors, sparse: SparseVector | None = None) -> None:
        """Takes what was made of a text; with the last one the request is done."""
        self._rows[position] = vector
        if sparse is not None:
            self._sparse[position] = sparse
        self._missing -= 1
        if self._missing == 0 and not self.outputs.done():
            vectors = np.stack([row for row in self._rows if row is not None])
            self.outputs.set_result(Outputs(vectors, [self._sparse[each] for each in sorted(self._sparse)]))

    def fail(self, error: Exception) -> None:
        """Ends the request with an error."""
        self._waiting.clear()
        if not self.outputs.done():
            self.outputs.set_exception(error)


class Batch:
    """Texts of near-equal length, for one model, of any callers of a lane, that are computed together."""

    def __init__(self, lane: Lane, first: Work) -> None:
        self.lane = lane
        self.backend = first.backend
        self.throughput = first.throughput
        self._longest = first.longest
        self._most = max(1, self.backend.batch_tokens // self._longest)
        self.places: list[tuple[Work, int]] = []

    @property
    def full(self) -> bool:
        """Whether the budget is used up."""
        return len(self.places) >= self._most

    def fill(self, work: Work) -> None:
        """Takes what fits from a request; nothing where it is for another model."""
        if work.backend is not self.backend:
            return
        self.places += [(work, position) for position in work.take(self._longest, self._most - len(self.places))]

    @property
    def texts(self) -> list[Tokens]:
        """The texts, in the batch's order."""
        return [work.texts[position] for work, position in self.places]

    @property
    def token_count(self) -> int:
        """Tokens of the texts, without padding."""
        return sum(len(work.texts[position]) for work, position in self.places)

    def deliver(self, outputs: Outputs) -> None:
        """Gives each request what was made of its texts."""
        sparse: Sequence[SparseVector | None] = outputs.sparse or [None] * len(self.places)
        for (work, position), vector, terms in zip(self.places, outputs.vectors, sparse, strict=True):
            work.deliver(position, vector, terms)

    @property
    def works(self) -> list[Work]:
        """The requests that have a text in it, each once."""
        return list(dict.fromkeys(work for work, _ in self.places))
