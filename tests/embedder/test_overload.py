"""Twice the work that can be done, in simulated time: as much as ever is answered in time, the rest is refused."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random

import pytest
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from lorekeep_chassis import calls
from lorekeep_chassis.calls import CallContext, Lane
from lorekeep_chassis.errors import LimitExceeded, Overloaded
from lorekeep_embedder.backends.seam import Tokens
from lorekeep_embedder.scheduling.admission import Admission
from lorekeep_embedder.scheduling.lanes import Lanes
from lorekeep_embedder.scheduling.throughput import BatchSize, Throughput
from lorekeep_embedder.scheduling.work import Batch, Work
from tests.embedder.doubles import RememberingBackend

TOKENS, BATCH = 20, BatchSize(256, 16)
SECONDS_A_TOKEN = 0.0005
BATCH_SECONDS = SECONDS_A_TOKEN * (240 + BATCH.overhead_tokens)
CAPACITY = 240 / BATCH_SECONDS
SIMULATED_SECONDS = 20.0
UNLIKE = range(20, 61)


@dataclass
class Simulation:
    """One session, callers that come evenly, organisations in turn, and wait so long for an answer."""

    load: float
    patience_seconds: float
    organisations: int
    lengths: Sequence[int] = (TOKENS,)
    texts: int = 1
    now: float = 0.0
    answered: int = 0
    too_late: int = 0
    refused: int = 0
    computed_tokens: int = 0
    useful_tokens: int = 0
    answered_to: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lanes = Lanes()
        self.admission = Admission(self.lanes)
        self.backend, self.throughput = RememberingBackend(), Throughput(1, BATCH)
        self.throughput.observe(Lane.INTERACTIVE, 240, BATCH_SECONDS)
        self.waiting: dict[Work, AsyncExitStack] = {}
        self.chance = Random(5)

    async def run(self) -> "Simulation":
        tokens_a_request = self.texts * sum(self.lengths) / len(self.lengths)
        step, number, free_at = tokens_a_request / (self.load * CAPACITY), 0, 0.0
        batch: Batch | None = None
        while self.now < SIMULATED_SECONDS:
            self.now = min(number * step, free_at) if batch else number * step
            await self._expire()
            if batch and free_at <= self.now:
                await self._deliver(batch)
                batch = None
            if number * step <= self.now:
                await self._arrive(f"organisation_{number % self.organisations}")
                number += 1
            if batch is None and (batch := self.lanes.next_batch(self.now)):
                free_at = self.now + self._seconds(batch)
        return self

    def _seconds(self, batch: Batch) -> float:
        return SECONDS_A_TOKEN * (batch.token_count + batch.padding_count + BATCH.overhead_tokens)

    async def _arrive(self, organisation: str) -> None:
        stack = AsyncExitStack()
        texts = [Tokens([1] * self.chance.choice(self.lengths)) for _ in range(self.texts)]
        context = CallContext(organisation, "", "", Lane.INTERACTIVE)
        with calls.calling_as(context), calls.deadline(self.patience_seconds):
            try:
                tokens = sum(map(len, texts))
                await stack.enter_async_context(
                    self.admission.admitted(self.throughput, self.texts, tokens, 4 * tokens)
                )
            except (Overloaded, LimitExceeded):
                self.refused += 1
                return
        work = Work(
            self.backend, self.throughput, texts, organisation_id=organisation, lane=Lane.INTERACTIVE,
            expires_at=self.now + self.patience_seconds, span=INVALID_SPAN_CONTEXT,
            outputs=asyncio.get_running_loop().create_future(),
        )  # fmt: skip
        self.waiting[work] = stack
        self.lanes.add(work, self.now)

    async def _expire(self) -> None:
        for work in [each for each in self.waiting if each.waiting_texts and each.expired(self.now)]:
            self.lanes.expire(work)
            work.outputs.exception()
            await self.waiting.pop(work).aclose()

    async def _deliver(self, batch: Batch) -> None:
        batch.deliver(self.backend.compute(batch.texts))
        self.computed_tokens += batch.token_count
        self.throughput.observe(Lane.INTERACTIVE, batch.token_count, self._seconds(batch))
        for work in [each for each in batch.works if each.outputs.done() and each in self.waiting]:
            self.useful_tokens += 0 if work.expired(self.now) else work.token_count
            self.too_late += work.expired(self.now)
            self.answered += not work.expired(self.now)
            name = work.organisation_id
            self.answered_to[name] = self.answered_to.get(name, 0) + 1
            await self.waiting.pop(work).aclose()


@pytest.mark.parametrize("patience_seconds", [0.5, 1.0, 10.0])
@pytest.mark.parametrize("organisations", [1, 7])
async def test_goodput_at_twice_the_capacity_is_that_of_the_peak(patience_seconds: float, organisations: int) -> None:
    peak = max([(await Simulation(load, patience_seconds, organisations).run()).answered for load in (0.9, 1.0, 1.1)])
    double = await Simulation(2.0, patience_seconds, organisations).run()
    assert double.answered >= 0.97 * peak
    assert double.too_late <= 0.02 * double.answered
    assert double.refused > 0.8 * double.answered


@pytest.mark.parametrize("organisations", [1, 4])
async def test_requests_of_many_unlike_texts_are_done_one_after_another(organisations: int) -> None:
    """Taken from all at once, they would all be late together."""
    peak = await Simulation(1.0, 10.0, organisations, UNLIKE, 8).run()
    double = await Simulation(2.0, 10.0, organisations, UNLIKE, 8).run()
    assert double.useful_tokens >= 0.95 * double.computed_tokens
    assert double.answered >= 0.97 * peak.answered
    assert (double.too_late, double.refused > 0.8 * double.answered) == (0, True)


async def test_organisations_are_answered_alike_under_overload() -> None:
    double = await Simulation(2.0, 1.0, 5).run()
    assert min(double.answered_to.values()) >= 0.95 * max(double.answered_to.values())
