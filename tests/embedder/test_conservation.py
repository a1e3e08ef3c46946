"""Whatever comes, leaves, expires and fails, in whatever order: every text ends once, and every bound holds."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lorekeep_chassis import calls
from lorekeep_chassis.calls import CallContext, Lane
from lorekeep_chassis.errors import LorekeepError
from lorekeep_embedder import metrics
from lorekeep_embedder.backends.seam import Outputs, Tokens
from lorekeep_embedder.scheduling.admission import BOUNDS
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.scheduling.throughput import BatchSize, Throughput
from tests.embedder.doubles import RememberingBackend
from tests.embedder.test_scheduler import Clock

GAUGES = [
    metrics.QUEUE_TEXTS, metrics.QUEUE_TOKENS, metrics.RUNNING_TEXTS, metrics.RUNNING_TOKENS,
    metrics.IN_FLIGHT_TEXTS, metrics.IN_FLIGHT_TOKENS,
]  # fmt: skip
REASONS = ("cancelled", "deadline", "failed", "ended")
FAILING = 13

requests = st.fixed_dictionaries({
    "lengths": st.lists(st.integers(1, 40), min_size=1, max_size=6),
    "organisation": st.sampled_from("abc"),
    "lane": st.sampled_from(list(Lane)),
    "model": st.integers(0, 1),
    "seconds": st.sampled_from([5.0, 50.0]),
    "fails": st.integers(0, 20).map(lambda number: number == 0),
})  # fmt: skip
steps = st.one_of(
    requests,
    st.tuples(st.just("leave"), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.integers(0, 20)),
    st.just(("compute", 0)),
)


def value(metric: Any, *labels: str) -> int:
    return int(next(iter(metric.labels(*labels)._child_samples())).value)


def ended_texts() -> int:
    """Texts computed or dropped, over both lanes and all reasons."""
    computed = sum(value(metrics.TEXTS, lane) for lane in Lane)
    return computed + sum(value(metrics.DROPPED, reason) for reason in REASONS)


class Play:
    """A scheduler whose batches begin when a step says so, and its callers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.scheduler = Scheduler(2, self.clock)
        self.backends = [RememberingBackend(), RememberingBackend()]
        self.throughputs = [Throughput(2, BatchSize(32, 8)) for _ in self.backends]
        for backend in self.backends:
            backend.fail_on = FAILING
        self.tasks: list[asyncio.Task[None]] = []
        self.queued = 0
        self.answers: list[tuple[Sequence[int], Outputs]] = []

    async def do(self, step: Any) -> None:
        if isinstance(step, dict):
            self.tasks.append(asyncio.create_task(self._ask(step)))
        elif step[0] == "leave" and step[1] < len(self.tasks):
            self.tasks[step[1]].cancel()
        elif step[0] == "wait":
            self.clock.now += step[1]
        elif step[0] == "compute":
            await self._compute()
        await asyncio.sleep(0)

    async def finish(self) -> None:
        await self._compute(until_done=True)
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _ask(self, step: dict[str, Any]) -> None:
        first = FAILING if step["fails"] else 1
        texts = [Tokens([first, *[2] * (length - 1)]) for length in step["lengths"]]
        model, tokens = step["model"], sum(step["lengths"])
        with calls.calling_as(CallContext(step["organisation"], "", "", step["lane"])), calls.deadline(step["seconds"]):
            async with self.scheduler.admission.admitted(self.throughputs[model], len(texts), tokens, tokens):
                self.queued += len(texts)
                outputs = await self.scheduler.compute(self.backends[model], self.throughputs[model], texts)
                self.answers.append((step["lengths"], outputs))

    async def _compute(self, *, until_done: bool = False) -> None:
        running = asyncio.create_task(self.scheduler.run())
        if until_done and self.tasks:
            await asyncio.wait(self.tasks, timeout=30)
        else:
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait([running])


@settings(deadline=None, max_examples=150)
@given(script=st.lists(steps, max_size=40))
def test_every_text_ends_once_and_nothing_is_held_afterwards(script: list[Any]) -> None:
    async def check() -> None:
        play, before = Play(), ended_texts()
        for step in script:
            await play.do(step)
        await play.finish()
        assert all(task.done() for task in play.tasks)
        assert ended_texts() - before == play.queued
        assert {value(gauge, lane) for gauge in GAUGES for lane in Lane} <= {0}
        for lengths, outputs in play.answers:
            assert outputs.vectors[:, 1].tolist() == lengths

    asyncio.run(check())


held = st.tuples(
    st.sampled_from("abcd"), st.integers(1, 1024), st.integers(1, 400_000), st.integers(1, 4 * 1024 * 1024)
)


@settings(deadline=None)
@given(script=st.lists(st.one_of(held, st.integers(0, 100)), max_size=60))
def test_no_bound_is_passed_by_more_than_one_request(script: list[Any]) -> None:
    async def check() -> None:
        scheduler, throughput = Scheduler(1), Throughput(1, BatchSize(32, 8))
        throughput.observe(Lane.BULK, 7000, 1.0)
        bound, entered = BOUNDS[Lane.BULK], []
        for step in script:
            if isinstance(step, int):
                if step < len(entered):
                    await entered.pop(step)[0].__aexit__(None, None, None)
                continue
            organisation, texts, tokens, size = step
            with calls.calling_as(CallContext(organisation, "", "", Lane.BULK)):
                request = scheduler.admission.admitted(throughput, texts, tokens, size)
                try:
                    entered.append((request, (await request.__aenter__()).load))
                except LorekeepError:
                    continue
            loads = [load for _, load in entered]
            for each in ("texts", "bytes"):
                sizes = [getattr(load, each) for load in loads]
                assert sum(sizes) - max(sizes) <= getattr(bound, each)
            assert sum(load.microseconds for load in loads[:-1]) <= bound.seconds * 1e6
        for request, _ in entered:
            await request.__aexit__(None, None, None)
        assert value(metrics.IN_FLIGHT_TOKENS, Lane.BULK) == 0

    asyncio.run(check())
