"""Load on a server: callers that ask again as soon as they are answered, and callers that do not wait."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import grpc

from bench.embedder.clients import Caller

_OUTCOMES = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: "refused",
    grpc.StatusCode.DEADLINE_EXCEEDED: "expired",
}


@dataclass(frozen=True)
class Answer:
    """An answered request: when it was, by the monotonic clock, its texts, and how long it took."""

    at: float
    texts: int
    seconds: float


@dataclass
class Tally:
    """Texts by outcome (answered, refused, expired, failed), and every answer. `begun` is when the load began."""

    texts: Counter[str] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    @property
    def latencies(self) -> list[float]:
        """Wall seconds of the answered requests."""
        return [each.seconds for each in self.answers]

    def goodput(self, begin: float, end: float) -> float:
        """Texts answered a second, from `begin` to `end` seconds after the load began."""
        inside = (each.texts for each in self.answers if begin <= each.at - self.begun <= end)
        return sum(inside) / (end - begin)


async def closed(callers: Sequence[Caller], requests: Iterator[Sequence[str]], seconds: float) -> Tally:
    """Each caller asks again once it is answered; after the time those that still wait are waited for and counted."""
    tally = Tally()

    async def ask(call: Caller) -> None:
        while time.monotonic() - tally.begun < seconds:
            await _asked(call, next(requests), tally)

    await asyncio.gather(*(ask(call) for call in callers))
    return tally


async def opened(
    callers: Sequence[Caller],
    requests: Iterator[Sequence[str]],
    *,
    seconds: float,
    texts_a_second: float,
) -> Tally:
    """Requests come at random times (exponential gaps), whether or not earlier ones are answered."""
    tally, chance = Tally(), Random(1)
    due, calls = tally.begun, set[asyncio.Task[None]]()
    for number, texts in enumerate(requests):
        due += chance.expovariate(texts_a_second / len(texts))
        if due - tally.begun > seconds:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(_asked(callers[number % len(callers)], texts, tally))
        calls.add(task)
        task.add_done_callback(calls.discard)
    await asyncio.gather(*calls)
    return tally


async def _asked(call: Caller, texts: Sequence[str], tally: Tally) -> None:
    begun = time.monotonic()
    try:
        await call(texts)
    except grpc.aio.AioRpcError as error:
        tally.texts[_OUTCOMES.get(error.code(), "failed")] += len(texts)
    else:
        tally.texts["answered"] += len(texts)
        ended = time.monotonic()
        tally.answers.append(Answer(ended, len(texts), ended - begun))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
