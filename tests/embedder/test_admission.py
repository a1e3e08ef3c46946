"""Bounds in time, texts and bytes, shares of organisations, and the hint when to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_chassis import calls
from lorekeep_chassis.calls import CallContext, Lane
from lorekeep_chassis.errors import DeadlineExceeded, LimitExceeded, LorekeepError, Overloaded
from lorekeep_embedder.scheduling.admission import Admission, Bound, Ticket, patient
from lorekeep_embedder.scheduling.throughput import BatchSize, Throughput

BOUNDS = {Lane.INTERACTIVE: Bound(9.0, 90, 900), Lane.BULK: Bound(90.0, 900, 9000)}


class Queue:
    """What waits, as a test says."""

    def __init__(self, seconds: float = 9.0, wait_seconds: float = 0.0) -> None:
        self._seconds, self._wait_seconds = seconds, wait_seconds

    def seconds(self, lane: Lane) -> float:
        return self._seconds

    def done_seconds(self, lane: Lane, organisation_id: str, own_seconds: float) -> float:
        return self._wait_seconds


def throughput(tokens_a_second: int = 10) -> Throughput:
    made = Throughput(1, BatchSize(8, 8))
    for lane in Lane:
        made.observe(lane, tokens_a_second, 1.0)
    return made


class Gate:
    """An admission, and callers of it."""

    def __init__(self, queue: Queue | None = None) -> None:
        self.admission = Admission(queue or Queue(), BOUNDS)

    @asynccontextmanager
    async def let(
        self,
        tokens: int = 0,
        *,
        texts: int = 1,
        size_bytes: int = 1,
        organisation: str = "a",
        lane: Lane = Lane.INTERACTIVE,
        model: Throughput | None = None,
    ) -> AsyncIterator[Ticket]:
        with calls.calling_as(CallContext(organisation, "", "", lane)):
            async with self.admission.admitted(model or throughput(), texts, tokens, size_bytes) as ticket:
                yield ticket

    async def refusal(self, tokens: int = 0, **fields: object) -> LorekeepError:
        with pytest.raises((Overloaded, LimitExceeded)) as error:
            async with self.let(tokens, **fields):  # type: ignore[arg-type]
                pytest.fail("was admitted")
        return error.value


async def test_a_lone_organisation_has_all_but_a_reserve() -> None:
    gate = Gate()
    async with gate.let(40), gate.let(40):
        assert isinstance(await gate.refusal(1), Overloaded)
    async with gate.let(80):
        assert isinstance(await gate.refusal(1), Overloaded)


@pytest.mark.parametrize("fields", [{"texts": 11}, {"size_bytes": 101}, {"tokens": 11}])
async def test_texts_bytes_and_time_are_bounds_each(fields: dict[str, int]) -> None:
    gate = Gate()
    async with gate.let(40, texts=40, size_bytes=400), gate.let(40, texts=40, size_bytes=400, organisation="b"):
        assert isinstance(await gate.refusal(**fields), Overloaded)


async def test_a_model_ten_times_as_expensive_gets_a_tenth_of_the_tokens_in() -> None:
    gate, dear = Gate(), throughput(tokens_a_second=1)
    async with gate.let(4, model=dear), gate.let(4, model=dear):
        assert isinstance(await gate.refusal(10), Overloaded)
        assert isinstance(await gate.refusal(1, model=dear), Overloaded)


async def test_beside_others_an_organisation_is_told_of_its_own_share() -> None:
    gate = Gate()
    async with gate.let(60), gate.let(5, organisation="b"):
        assert isinstance(await gate.refusal(20), LimitExceeded)
        async with gate.let(15, organisation="b") as ticket:
            assert ticket.load.tokens == 15


async def test_one_that_holds_nothing_gets_in_however_much_it_sends() -> None:
    gate = Gate()
    async with gate.let(80), gate.let(100_000, organisation="b"):
        for organisation in "abc":
            assert isinstance(await gate.refusal(1, organisation=organisation), Overloaded)


async def test_greedy_organisations_end_with_equal_parts() -> None:
    gate, held = Gate(), dict.fromkeys("abc", 0)
    async with AsyncExitStack() as stack:
        for _ in range(90):
            for name in held:
                try:
                    await stack.enter_async_context(gate.let(1, organisation=name))
                    held[name] += 1
                except (LimitExceeded, Overloaded):
                    pass
    assert max(held.values()) - min(held.values()) <= 1
    assert 80 <= sum(held.values()) <= 90


async def test_a_late_comer_reaches_its_part_as_the_first_ones_work_is_done() -> None:
    gate = Gate()
    async with AsyncExitStack() as late:
        async with AsyncExitStack() as early:
            for _ in range(80):
                await early.enter_async_context(gate.let(1))
            await late.enter_async_context(gate.let(1, organisation="b"))
        for _ in range(79):
            await late.enter_async_context(gate.let(1, organisation="b"))
        assert isinstance(await gate.refusal(1, organisation="b"), Overloaded)


async def test_bulk_work_does_not_shut_out_queries() -> None:
    gate = Gate()
    async with gate.let(1000, lane=Lane.BULK), gate.let(10) as ticket:
        assert ticket.load.texts == 1
        await gate.refusal(1, lane=Lane.BULK)


async def test_the_hint_is_the_part_of_the_queue_that_must_be_done_first() -> None:
    gate = Gate(Queue(seconds=9.0, wait_seconds=4.0))
    async with gate.let(45), gate.let(45, organisation="b"):
        assert (await gate.refusal(9)).retry_after_seconds == pytest.approx(9.0 * (54 + 8 * 9) / 9 / 90)
        assert (await gate.refusal(10_000)).retry_after_seconds == pytest.approx(9.0)
        assert (await Gate(Queue(0.0)).let().__aenter__()).load.texts == 1
    async with gate.let(60), gate.let(5, organisation="b"):
        hint = (await gate.refusal(20)).retry_after_seconds
        assert hint == pytest.approx(4.0 * (80 - 8 * 5) / 9 / 60)


async def test_a_hint_is_a_tenth_of_a_second_to_a_minute() -> None:
    for seconds, hint in ((0.0, 0.1), (1000.0, 60.0)):
        gate = Gate(Queue(seconds))
        async with gate.let(1000):
            assert (await gate.refusal(1000)).retry_after_seconds == hint


async def test_what_would_not_have_its_turn_in_time_is_refused_before_anything_is_done_for_it() -> None:
    gate = Gate(Queue(wait_seconds=5.0))
    with calls.deadline(3.0):
        hint = (await gate.refusal(1)).retry_after_seconds
    assert hint == pytest.approx(1.2 * 5.0 + 3 * 0.8 - 3.0, abs=0.1)
    with calls.deadline(9.0):
        async with gate.let(1) as ticket:
            assert ticket.load.texts == 1


async def test_counted_tokens_replace_the_estimate() -> None:
    gate = Gate()
    async with gate.let(90) as first:
        await gate.refusal(1)
        first.settle(30)
        async with gate.let(40):
            await gate.refusal(15)


async def test_room_is_given_back_when_a_request_fails() -> None:
    gate = Gate()
    with pytest.raises(RuntimeError):
        async with gate.let(80):
            raise RuntimeError
    async with gate.let(40), gate.let(40) as ticket:
        assert ticket.load.tokens == 40


async def test_a_patient_request_waits_for_room_and_an_impatient_one_does_not() -> None:
    gate = Gate()
    async with gate.let(80):
        with patient():
            waiting = asyncio.create_task(gate.let(40).__aenter__())
        await asyncio.sleep(0)
        await gate.refusal(40)
        assert not waiting.done()
    assert (await waiting).load.tokens == 40


async def test_a_patient_request_waits_no_longer_than_its_deadline() -> None:
    gate = Gate()
    async with gate.let(80):
        with patient(), calls.deadline(0.05), pytest.raises(DeadlineExceeded):
            await gate.let(40).__aenter__()


async def test_no_more_waits_for_room_than_there_is_room() -> None:
    gate = Gate()
    async with gate.let(80):
        with patient():
            waiting = [asyncio.create_task(gate.let(40, size_bytes=400).__aenter__()) for _ in range(2)]
            await asyncio.sleep(0)
            assert isinstance(await gate.refusal(1, size_bytes=400), Overloaded)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)


@given(leaving=st.sets(st.integers(0, 39)), woken=st.integers(0, 8))
def test_everyone_who_waits_is_let_in_though_others_leave(leaving: set[int], woken: int) -> None:
    async def one(gate: Gate) -> None:
        async with gate.let(40):
            await asyncio.sleep(0)

    async def check() -> None:
        gate = Gate()
        async with gate.let(80):
            with patient():
                tasks = [asyncio.create_task(one(gate)) for _ in range(40)]
            await asyncio.sleep(0)
        for _ in range(woken):
            await asyncio.sleep(0)
        for number in leaving:
            tasks[number].cancel()
        done, pending = await asyncio.wait(tasks, timeout=30)
        assert not pending
        assert all(task.cancelled() or task.exception() is None for task in done)

    asyncio.run(check())
