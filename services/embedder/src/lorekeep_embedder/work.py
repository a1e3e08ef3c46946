"""One request's texts on their way to vectors, and the batches that are cut from them."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from opentelemetry.trace import SpanContext

from lorekeep_chassis.calls import Lane
from lorekeep_embedder.backends.seam import Vectors

# Texts of a batch are within 15 % of its longest, or within 8 tokens where that is more: padding is computed too.
_NEAR_SHARE, _NEAR_TOKENS = 0.85, 8


class Work:
    """The texts of one request. `vectors` ends with them, texts x dimensions, in the order given.

    `expires_at` is on the clock of whoever schedules; None where the caller set no deadline.
    """

    def __init__(
        self,
        token_ids: Sequence[Sequence[int]],
        *,
        organisation_id: str,
        lane: Lane,
        expires_at: float | None,
        span: SpanContext,
        vectors: "asyncio.Future[Vectors]",
    ) -> None:
        self.token_ids = token_ids
        self.organisation_id = organisation_id
        self.lane = lane
        self.expires_at = expires_at
        self.span = span
        self.vectors = vectors
        self._waiting = sorted((len(ids), position) for position, ids in enumerate(token_ids))
        self._missing = len(token_ids)
        self._rows: list[Vectors | None] = [None] * len(token_ids)

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
        end = bisect_right(self._waiting, (longest, len(self.token_ids)))
        begin = end
        while begin > 0 and end - begin < room and self._waiting[begin - 1][0] >= shortest:
            begin -= 1
        taken = [position for _, position in self._waiting[begin:end]]
        del self._waiting[begin:end]
        return taken

    def deliver(self, position: int, vector: Vectors) -> None:
        """Takes the vector of a text; with the last one the request is done."""
        self._rows[position] = vector
        self._missing -= 1
        if self._missing == 0 and not self.vectors.done():
            self.vectors.set_result(np.stack([row for row in self._rows if row is not None]))

    def fail(self, error: Exception) -> None:
        """Ends the request with an error."""
        self._waiting.clear()
        if not self.vectors.done():
            self.vectors.set_exception(error)


class Batch:
    """Texts of near-equal length, of any callers of a lane, that are computed together."""

    def __init__(self, lane: Lane, longest: int, budget_tokens: int) -> None:
        self.lane = lane
        self._longest = longest
        self._most = max(1, budget_tokens // longest)
        self.places: list[tuple[Work, int]] = []

    @property
    def full(self) -> bool:
        """Whether the budget is used up."""
        return len(self.places) >= self._most

    def fill(self, work: Work) -> None:
        """Takes what fits from a request."""
        self.places += [(work, position) for position in work.take(self._longest, self._most - len(self.places))]

    @property
    def token_ids(self) -> list[Sequence[int]]:
        """Ids of the texts, in the batch's order."""
        return [work.token_ids[position] for work, position in self.places]

    @property
    def works(self) -> list[Work]:
        """The requests that have a text in it, each once."""
        return list(dict.fromkeys(work for work, _ in self.places))
