"""Admission: a lane holds so many texts and tokens and no more; beyond that a request is refused at once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import Overloaded
from lorekeep_embedder import metrics
from lorekeep_embedder.backends.seam import Backend

_SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 60.0
_WEIGHT_OF_LATEST = 0.1


class Throughput:
    """Tokens per second of the whole backend, as its latest batches show it."""

    def __init__(self, sessions: int) -> None:
        self._sessions = sessions
        self._per_session = 0.0

    def observe(self, tokens: int, seconds: float) -> None:
        """Takes a batch into account."""
        rate = tokens / max(seconds, 1e-6)
        before = self._per_session or rate
        self._per_session = before + _WEIGHT_OF_LATEST * (rate - before)

    def seconds_for(self, tokens: float) -> float:
        """How long so many tokens take, between 0.1 and 60 seconds."""
        seconds = tokens / (self._per_session * self._sessions) if self._per_session else 1.0
        return min(max(seconds, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)


@dataclass(frozen=True)
class Bound:
    """The most that a lane holds, from admission to answer."""

    texts: int
    tokens: int


def bounds_of(backend: Backend, sessions: int) -> dict[Lane, Bound]:
    """Bounds that grow with the backend, so that they stand for a time to wait.

    On a CPU core at about 3,000 tokens a second, interactive work waits at most some 3 s and bulk work some 40 s.
    """
    batches = sessions * backend.batch_tokens
    return {
        Lane.INTERACTIVE: Bound(texts=512 * sessions, tokens=32 * batches),
        Lane.BULK: Bound(texts=2048 * sessions, tokens=512 * batches),
    }


class Ticket:
    """What one request holds of a lane."""

    def __init__(self, held: "_Held", texts: int, tokens: int) -> None:
        self.texts, self.tokens = texts, tokens
        self._held = held
        held.add(texts, tokens)

    def settle(self, tokens: int) -> None:
        """Puts the counted tokens in the place of the estimate."""
        self._held.add(0, tokens - self.tokens)
        self.tokens = tokens

    def close(self) -> None:
        """Gives everything back."""
        self._held.add(-self.texts, -self.tokens)


class _Held:
    """What a lane holds now."""

    def __init__(self, lane: Lane) -> None:
        self.texts, self.tokens = 0, 0
        self._gauges = metrics.IN_FLIGHT_TEXTS.labels(lane), metrics.IN_FLIGHT_TOKENS.labels(lane)

    def add(self, texts: int, tokens: int) -> None:
        self.texts += texts
        self.tokens += tokens
        self._gauges[0].set(self.texts)
        self._gauges[1].set(self.tokens)


class Admission:
    """The gate in front of the queue. A lane of its own keeps bulk work from shutting out queries."""

    def __init__(self, bounds: Mapping[Lane, Bound], throughput: Throughput) -> None:
        self._bounds = bounds
        self._throughput = throughput
        self._held = {lane: _Held(lane) for lane in bounds}

    @contextmanager
    def admitted(self, lane: Lane, texts: int, tokens: int) -> Iterator[Ticket]:
        """Holds room for a request inside; Overloaded, with the time until there is room, where there is none.

        An empty lane takes any request that the contract allows: otherwise the largest could never be served.
        """
        self._refuse_beyond(lane, texts, tokens)
        ticket = Ticket(self._held[lane], texts, tokens)
        try:
            yield ticket
        finally:
            ticket.close()

    def _refuse_beyond(self, lane: Lane, texts: int, tokens: int) -> None:
        held, bound = self._held[lane], self._bounds[lane]
        if held.texts == 0 or (held.texts + texts <= bound.texts and held.tokens + tokens <= bound.tokens):
            return
        metrics.REFUSED.labels(lane).inc(texts)
        tokens_each = held.tokens / held.texts
        excess = max(held.tokens + tokens - bound.tokens, (held.texts + texts - bound.texts) * tokens_each)
        raise Overloaded(
            "The embedder has as much work as it can hold. Try again after the given time, or send fewer texts.",
            retry_after_seconds=self._throughput.seconds_for(min(excess, held.tokens)),
        )
