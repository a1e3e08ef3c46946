"""What a model's batches are like, and how long its tokens take: measured at warm-up, then by every batch."""

from dataclasses import dataclass

from lorekeep_chassis.calls import Lane

# A batch counts half as much once some 14 others have followed it.
_KEPT = 0.95


@dataclass(frozen=True)
class BatchSize:
    """`tokens` are the most in a batch, padding included; `overhead_tokens` could be computed in the time that a batch
    costs beside its tokens, so that it may hold as much padding before another batch would have been cheaper.
    """

    tokens: int
    overhead_tokens: int


class Throughput:
    """Of one model on all sessions, for each lane: a lane of short texts gets fewer tokens out of a second."""

    def __init__(self, sessions: int, batch: BatchSize) -> None:
        self.batch = batch
        self._sessions = sessions
        self._seen = {lane: _Seen() for lane in Lane}

    def observe(self, lane: Lane, tokens: int, seconds: float) -> None:
        """Takes a batch of a lane into account, padding not counted; nothing where a clock did not move."""
        if tokens > 0 and seconds > 0:
            self._seen[lane].add(tokens, seconds)

    def seconds_for(self, lane: Lane, tokens: float) -> float:
        """How long so many tokens of a lane take; a second each where nothing was ever measured."""
        return tokens * self._seen[lane].seconds_a_token / self._sessions

    def batch_seconds(self, lane: Lane) -> float:
        """How long one full batch of a lane takes on its session."""
        return self.batch.tokens * self._seen[lane].seconds_a_token


class _Seen:
    def __init__(self) -> None:
        self._tokens, self._seconds = 0.0, 0.0
        self.seconds_a_token = 1.0

    def add(self, tokens: int, seconds: float) -> None:
        self._tokens = _KEPT * self._tokens + tokens
        self._seconds = _KEPT * self._seconds + seconds
        self.seconds_a_token = self._seconds / self._tokens
