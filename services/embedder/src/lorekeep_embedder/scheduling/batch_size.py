"""The size of a model's batches on this machine, timed before it serves: the smallest that is about as quick as any."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lorekeep_embedder.backends.seam import Backend, Tokens
from lorekeep_embedder.scheduling.throughput import BatchSize

# A smaller batch is better for whoever waits behind it, so it may be this much slower than the quickest.
_SLOWER_SHARE = 0.03
_REPEATS = 3
# Enough for a small model on a slow core; a large one is measured less, and keeps what is known by then. A busy machine
# may take longer, but not for ever.
_MOST_SECONDS, _MOST_WALL_SECONDS = 0.5, 1.5
_QUERY_TOKENS, _SHORT_TOKENS, _LONG_TOKENS = 16, 64, 192
_LEAST_OVERHEAD_TOKENS = 8
# Of the process's CPU time, what a thread has used that did the work, and not only waited for it.
_OWN_SHARE = 0.2


class Measured(NamedTuple):
    """A batch size, and what a session computed with it: tokens a second in full batches and of a query alone."""

    batch: BatchSize
    tokens_a_second: float
    query_seconds: float
    query_tokens: int


def measured(timer: "BatchTimer", tokens: int, *, forced: bool = False) -> Measured:
    """Times batches of half, all and twice so many tokens; of so many alone where that is `forced`."""
    # The first runs warm the runtime up, a full batch among them, and are forgotten.
    timer.run(_QUERY_TOKENS, 1)
    timer.run(_SHORT_TOKENS, _texts(tokens, _SHORT_TOKENS))
    query_tokens = min(_QUERY_TOKENS, timer.window_tokens)
    query_seconds = timer.quickest(query_tokens, 1)
    costs = timer.costs([tokens] if forced else [max(1, tokens // 2), tokens, 2 * tokens])
    quick_enough = min(costs.values()) * (1 + _SLOWER_SHARE)
    best = min(tokens for tokens, cost in costs.items() if cost <= quick_enough)
    overhead = round(query_seconds / costs[best]) - query_tokens
    most = max(_LEAST_OVERHEAD_TOKENS, best // 8)
    batch = BatchSize(best, min(max(overhead, _LEAST_OVERHEAD_TOKENS), most))
    return Measured(batch, 1 / costs[best], query_seconds, query_tokens)


class Reading(NamedTuple):
    """Clocks at one moment: the wall's, and the CPU time of the calling thread and of the process."""

    wall: float
    thread: float
    process: float

    @classmethod
    def now(cls) -> "Reading":
        """Reads them."""
        return cls(time.perf_counter(), time.thread_time(), time.process_time())

    def seconds_since(self, begin: "Reading") -> float:
        """CPU time where the calling thread did the work, which nothing else on the machine moves; else wall time."""
        thread, process = self.thread - begin.thread, self.process - begin.process
        return max(thread if thread > _OWN_SHARE * process else self.wall - begin.wall, 1e-9)


class BatchTimer:
    """Times batches of texts cut from `text`, which should fill the window. A device that computes beside the CPU is
    timed by the wall.
    """

    def __init__(self, backend: Backend, text: Tokens, read: Callable[[], Reading] = Reading.now) -> None:
        self._backend = backend
        self._text = text
        self._read = read
        self._seconds = 0.0
        self._begin = read()

    @property
    def window_tokens(self) -> int:
        """Tokens of the longest text that it times."""
        return len(self._text)

    def costs(self, candidates: Sequence[int]) -> dict[int, float]:
        """Seconds a token of texts short and long, by batch size; the first is always among them."""
        lengths = [min(length, self.window_tokens) for length in (_SHORT_TOKENS, _LONG_TOKENS)]
        least: dict[tuple[int, int], float] = {}
        rounds = [(tokens, length) for tokens in candidates for length in lengths] * _REPEATS
        for place, (tokens, length) in enumerate(rounds):
            if place >= len(lengths) and self._out_of_time():
                break
            texts = _texts(tokens, length)
            cost = self.run(length, texts) / (texts * length)
            least[tokens, length] = min(cost, least.get((tokens, length), cost))
        known = [tokens for tokens in candidates if (tokens, lengths[-1]) in least]
        return {tokens: sum(least[tokens, length] for length in lengths) / len(lengths) for tokens in known}

    def quickest(self, length: int, texts: int) -> float:
        """The least seconds of a few runs: what other processes take only ever adds to one."""
        seconds = self.run(length, texts)
        for _ in range(_REPEATS - 1):
            if self._out_of_time():
                break
            seconds = min(seconds, self.run(length, texts))
        return seconds

    def run(self, length: int, texts: int) -> float:
        """Seconds of one batch."""
        cut = Tokens(self._text.ids[:length], None if self._text.types is None else self._text.types[:length])
        batch = [cut] * texts
        begin = self._read()
        self._backend.compute(batch)
        end = self._read()
        seconds = end.seconds_since(begin) if self._backend.device == "cpu" else end.wall - begin.wall
        self._seconds += seconds
        return seconds

    def _out_of_time(self) -> bool:
        return self._seconds > _MOST_SECONDS or self._read().wall - self._begin.wall > _MOST_WALL_SECONDS


def _texts(tokens: int, length: int) -> int:
    return max(1, tokens // length)
