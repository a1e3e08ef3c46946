"""Admission: a lane holds so much work and no more, and an organisation so much of it; beyond that a request is
refused at once, or waits where its caller is patient.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lorekeep_chassis import calls
from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import DeadlineExceeded, LimitExceeded, LorekeepError, Overloaded
from lorekeep_embedder import metrics
from lorekeep_embedder.scheduling.holdings import Holding, Holdings, Load
from lorekeep_embedder.scheduling.throughput import Throughput

_SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 60.0
# An organisation holds at most so many times what is free: alone 8/9 of a lane, two 8/17 each, three 8/25 each.
_TIMES_FREE = 8
# Whoever waits for room is woken in turn, a few at a time: it need not be they that fit.
_WOKEN_AT_ONCE = 8
_BATCHES_BESIDE = 3
# The machine may be slower than it was a moment ago. What is refused in vain costs little, what is begun in vain much.
_SLOWER = 1.2

_PATIENT: ContextVar[bool] = ContextVar("lorekeep_embedder_patient", default=False)


@contextmanager
def patient() -> Iterator[None]:
    """Requests inside wait for room, as long as their deadline lets them, where others are refused."""
    token = _PATIENT.set(True)
    try:
        yield
    finally:
        _PATIENT.reset(token)


@dataclass(frozen=True)
class Bound:
    """The most that a lane holds, from admission to answer. Seconds, of all sessions, bound the wait, whatever the
    model; texts and bytes bound the memory.
    """

    seconds: float
    texts: int
    bytes: int

    def share_used(self, load: Load) -> float:
        """The part of the bound that a load takes, by what it takes most of; over 1 where it does not fit."""
        by_time = load.microseconds / (self.seconds * 1e6)
        return max(by_time, load.texts / self.texts, load.bytes / self.bytes)


BOUNDS = {
    Lane.INTERACTIVE: Bound(seconds=3.0, texts=4096, bytes=16 * 1024 * 1024),
    Lane.BULK: Bound(seconds=40.0, texts=16_384, bytes=64 * 1024 * 1024),
}


class Queue(Protocol):
    """What waits to be computed, as time on all sessions."""

    def seconds(self, lane: Lane) -> float:
        """How long everything in a lane takes, and what goes before it."""

    def done_seconds(self, lane: Lane, organisation_id: str, own_seconds: float) -> float:
        """How long it takes until a request of so many seconds, which an organisation adds now, is done."""


class Ticket:
    """What one request holds of a lane."""

    def __init__(self, holding: Holding, throughput: Throughput) -> None:
        self._holding = holding
        self._throughput = throughput

    @property
    def load(self) -> Load:
        """What it holds now."""
        return self._holding.load

    def settle(self, tokens: int) -> None:
        """Puts the counted tokens in the place of the estimate."""
        load = self.load
        self._holding.change(load_of(self._throughput, self._holding.lane, load.texts, tokens, load.bytes))


def load_of(throughput: Throughput, lane: Lane, texts: int, tokens: int, size_bytes: int) -> Load:
    """What texts take of a lane, for the model whose throughput it is."""
    return Load(texts, tokens, size_bytes, max(1, round(throughput.seconds_for(lane, tokens) * 1e6)))


class Admission:
    """The gate in front of the queue, for all models of a process. A lane of its own keeps bulk work from shutting out
    queries; a part of each lane that is never one organisation's keeps it from shutting out the others.
    """

    def __init__(self, queue: Queue, bounds: Mapping[Lane, Bound] = BOUNDS) -> None:
        self._queue = queue
        self._bounds = bounds
        self._held = {lane: Holdings(lane) for lane in bounds}
        self._waiting = {lane: _Waiting() for lane in bounds}

    @asynccontextmanager
    async def admitted(self, throughput: Throughput, texts: int, tokens: int, size_bytes: int) -> AsyncIterator[Ticket]:
        """Holds room for the running call's request inside. Overloaded, LimitExceeded for what its organisation holds
        already, each with the time until there is room; DeadlineExceeded for a patient one that found none in time.

        An organisation that holds nothing is let in while a lane is not full, however large its request: the largest
        could never be served otherwise.
        """
        context = calls.current()
        load = load_of(throughput, context.lane, texts, tokens, size_bytes)
        hold = self._held_in_the_end if _PATIENT.get() else self._held_at_once
        holding = await hold(context, throughput, load)
        try:
            yield Ticket(holding, throughput)
        finally:
            holding.end()
            self._wake(context.lane)

    async def _held_at_once(self, context: calls.CallContext, throughput: Throughput, load: Load) -> Holding:
        refusal = self._refusal(context, throughput, load, in_time=True)
        if refusal is not None:
            metrics.REFUSED.labels(context.lane, refusal.reason).inc(load.texts)
            raise refusal.error
        return Holding(self._held[context.lane], context.organisation_id, load)

    async def _held_in_the_end(self, context: calls.CallContext, throughput: Throughput, load: Load) -> Holding:
        try:
            async with asyncio.timeout(calls.remaining_seconds()):
                while self._refusal(context, throughput, load, in_time=False) is not None:
                    await self._room(context.lane, load)
        except TimeoutError:
            metrics.REFUSED.labels(context.lane, "deadline").inc(load.texts)
            raise DeadlineExceeded("There was no room before the call's deadline. Try again later.") from None
        return Holding(self._held[context.lane], context.organisation_id, load)

    async def _room(self, lane: Lane, load: Load) -> None:
        """Returns once something was given back. Overloaded where as much waits for room as there is room."""
        waiting = self._waiting[lane]
        if waiting and waiting.bytes + load.bytes > self._bounds[lane].bytes:
            metrics.REFUSED.labels(lane, "full").inc(load.texts)
            raise _overloaded(self._queue.seconds(lane))
        await waiting.woken(load.bytes)

    def _wake(self, lane: Lane) -> None:
        self._waiting[lane].wake(_WOKEN_AT_ONCE)

    def _refusal(
        self, context: calls.CallContext, throughput: Throughput, load: Load, *, in_time: bool
    ) -> "_Refusal | None":
        held, bound = self._held[context.lane], self._bounds[context.lane]
        before, own_before = bound.share_used(held.load), bound.share_used(held.of(context.organisation_id))
        after, own_after = bound.share_used(held.load + load), bound.share_used(held.of(context.organisation_id) + load)
        done_seconds = self._queue.done_seconds(context.lane, context.organisation_id, load.microseconds / 1e6)
        busy = self._queue.seconds(context.lane) > 0
        if in_time and busy and (late_seconds := _late_seconds(done_seconds, throughput, context.lane)) > 0:
            return _Refusal("deadline", _overloaded(late_seconds))
        excess = (own_after - _TIMES_FREE * (1 - after)) / (1 + _TIMES_FREE)
        if before < 1 and (own_before == 0 or (after <= 1 and excess <= 0)):
            return None
        if after > 1 or held.organisations == 1:
            part = max(after - 1, excess) / before
            return _Refusal("full", _overloaded(min(part, 1.0) * self._queue.seconds(context.lane)))
        return _Refusal("share", _own_limit(min(excess / own_before, 1.0) * done_seconds))


def _late_seconds(done_seconds: float, throughput: Throughput, lane: Lane) -> float:
    """How much too late it would be done: beside what waits there is the batch that runs, the room in batches that goes
    to those who come after it, and that its last text may have to wait for a whole batch.
    """
    left = calls.remaining_seconds()
    return _SLOWER * done_seconds + _BATCHES_BESIDE * throughput.batch_seconds(lane) - left if left is not None else 0.0


class _Waiting:
    """Requests that wait for room, the first first."""

    def __init__(self) -> None:
        self.bytes = 0
        self._woken: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._woken)

    async def woken(self, size_bytes: int) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._woken.append(woken)
        self.bytes += size_bytes
        try:
            await woken
        except asyncio.CancelledError:
            if not woken.cancelled():
                # It was its turn, and it leaves: the next one's, then.
                self.wake(1)
            elif woken in self._woken:
                self._woken.remove(woken)
            raise
        finally:
            self.bytes -= size_bytes

    def wake(self, most: int) -> None:
        while self._woken and most > 0:
            woken = self._woken.popleft()
            if not woken.done():
                woken.set_result(None)
                most -= 1


class _Refusal(NamedTuple):
    reason: str
    error: LorekeepError


def _overloaded(seconds: float) -> LorekeepError:
    return Overloaded(
        "The embedder has as much work as it can do in time. Try again after the given time, or send fewer texts.",
        retry_after_seconds=_bounded(seconds),
    )


def _own_limit(seconds: float) -> LorekeepError:
    return LimitExceeded(
        "Your organisation has as much work waiting here as it may while others wait too. Try again after the given "
        "time, or send fewer texts.",
        retry_after_seconds=_bounded(seconds),
    )


def _bounded(seconds: float) -> float:
    return min(max(seconds, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
