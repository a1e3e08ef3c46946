"""What runs, in which order, and what never does. The backend is held by the test, so nothing depends on time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from lorekeep_chassis import calls
from lorekeep_chassis.errors import DeadlineExceeded, Unavailable
from lorekeep_embedder.backends.seam import Outputs, Tokens
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.scheduling.throughput import BatchSize, Throughput
from tests.embedder.doubles import RememberingBackend

TOKENS = 8


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A running scheduler over a backend, and callers of it."""

    def __init__(
        self,
        backend: RememberingBackend,
        clock: Clock,
        sessions: int = 1,
        read: Callable[[], float] | None = None,
    ) -> None:
        self.backend, self.clock = backend, clock
        self.scheduler = Scheduler(sessions, read or clock)
        self.throughput = Throughput(sessions, BatchSize(TOKENS, 1))

    async def ask(
        self,
        names: Sequence[int],
        *,
        organisation: str = "a",
        lane: calls.Lane = calls.Lane.BULK,
        seconds: float = 100,
    ) -> "asyncio.Task[Outputs]":
        """A request of texts of 8 tokens, a batch each, that has reached the queue."""
        texts = [Tokens([name] * TOKENS) for name in names]
        context = calls.CallContext(organisation, "", "", lane)
        with calls.calling_as(context), calls.deadline(seconds):
            task = asyncio.create_task(self.scheduler.compute(self.backend, self.throughput, texts))
        await asyncio.sleep(0)
        return task

    async def until_begun(self) -> None:
        assert await asyncio.to_thread(self.backend.begun.wait, 30)

    @property
    def computed(self) -> list[int]:
        return [name for batch in self.backend.batches for name in batch]


@asynccontextmanager
async def desk(clock: Callable[[], float] | None = None) -> AsyncIterator[Desk]:
    made = Desk(RememberingBackend(), Clock(), read=clock)
    running = asyncio.create_task(made.scheduler.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


async def test_a_query_waits_for_the_running_batch_alone() -> None:
    async with desk() as it:
        with it.backend.held():
            bulk = await it.ask(range(10, 20))
            await it.until_begun()
            query = await it.ask([1], lane=calls.Lane.INTERACTIVE)
        assert (await query).vectors.tolist() == [[1, TOKENS]]
        assert [row[0] for row in (await bulk).vectors.tolist()] == list(range(10, 20))
        assert it.computed.index(1) == 1


async def test_bulk_work_of_organisations_alternates() -> None:
    async with desk() as it:
        with it.backend.held():
            tasks = [await it.ask([0])]
            await it.until_begun()
            tasks += [await it.ask([1, 1, 1], organisation="b"), await it.ask([2, 2, 2], organisation="c")]
        await asyncio.gather(*tasks)
        assert it.computed == [0, 1, 2, 1, 2, 1, 2]


async def test_cancelled_work_never_runs() -> None:
    async with desk() as it:
        with it.backend.held():
            running, leaving = await it.ask([0]), await it.ask([1, 2, 3])
            await it.until_begun()
            leaving.cancel()
            await asyncio.wait([leaving])
            staying = await it.ask([4])
        await asyncio.gather(running, staying)
        assert it.computed == [0, 4]


async def test_a_caller_that_leaves_midway_is_not_computed_further() -> None:
    async with desk() as it:
        with it.backend.held():
            leaving = await it.ask([1, 2, 3])
            await it.until_begun()
            leaving.cancel()
            await asyncio.wait([leaving])
        await (await it.ask([4]))
        assert len(it.computed) == 2


async def test_work_is_dropped_when_its_deadline_passes_while_it_waits() -> None:
    async with desk() as it:
        with it.backend.held():
            running, waiting = await it.ask([0]), await it.ask([1])
            await it.until_begun()
            it.clock.now = 1000.0
        await running
        with pytest.raises(DeadlineExceeded):
            await waiting
        assert it.computed == [0]


async def test_a_caller_is_answered_when_its_deadline_passes_though_no_session_is_free() -> None:
    async with desk() as it:
        with it.backend.held():
            running = await it.ask([0])
            await it.until_begun()
            with pytest.raises(DeadlineExceeded):
                await (await it.ask([1], seconds=0.05))
        await running
        assert it.computed == [0]


async def test_what_expires_between_its_turn_and_its_batch_is_not_computed() -> None:
    def later_in_a_session() -> float:
        return 1000.0 if threading.current_thread().name.startswith("session") else 0.0

    async with desk(later_in_a_session) as it:
        with pytest.raises(DeadlineExceeded):
            await (await it.ask([0]))
        assert it.computed == []
        assert (await (await it.ask([1], seconds=2000))).vectors.tolist() == [[1, TOKENS]]


async def test_a_failed_batch_ends_its_own_requests_only() -> None:
    async with desk() as it:
        it.backend.fail_on = 2
        bad, good = await it.ask([1, 2, 3]), await it.ask([4], organisation="b")
        with pytest.raises(RuntimeError, match="gave up"):
            await bad
        assert (await good).vectors.tolist() == [[4, TOKENS]]
        assert (await (await it.ask([5]))).vectors.tolist() == [[5, TOKENS]]


async def test_ending_refuses_what_waits_instead_of_leaving_it_hanging() -> None:
    it = Desk(RememberingBackend(), Clock())
    running = asyncio.create_task(it.scheduler.run())
    with it.backend.held():
        begun, waiting = await it.ask([0]), await it.ask([1], organisation="b")
        await it.until_begun()
        running.cancel()
        for task in (begun, waiting):
            with pytest.raises(Unavailable):
                await task
    await asyncio.wait([running])


async def test_as_many_batches_run_side_by_side_as_there_are_sessions() -> None:
    it = Desk(RememberingBackend(), Clock(), sessions=3)
    running = asyncio.create_task(it.scheduler.run())
    with it.backend.held():
        task = await it.ask(range(6))
        while len(it.backend.batches) < 3:  # noqa: ASYNC110 - the threads have no event to wait for
            await asyncio.sleep(0)
    assert np.array_equal((await task).vectors[:, 0], np.arange(6))
    running.cancel()
    await asyncio.wait([running])
