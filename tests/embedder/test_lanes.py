"""Which texts make the next batch."""

import asyncio
import sys
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import DeadlineExceeded
from lorekeep_embedder.backends.seam import Tokens
from lorekeep_embedder.scheduling.lanes import Lanes
from lorekeep_embedder.scheduling.throughput import BatchSize, Throughput
from lorekeep_embedder.scheduling.work import Batch, Work
from tests.embedder.doubles import RememberingBackend

BUDGET, OVERHEAD = 32, 8
BACKEND = RememberingBackend()
THROUGHPUT = Throughput(1, BatchSize(BUDGET, OVERHEAD))


def work(
    lengths: Sequence[int],
    organisation: str = "a",
    lane: Lane = Lane.BULK,
    expires_at: float | None = None,
    backend: RememberingBackend = BACKEND,
    throughput: Throughput = THROUGHPUT,
) -> Work:
    """A request whose texts have so many tokens; the first id tells a text's place."""
    texts = [Tokens([place, *([7] * (length - 1))]) for place, length in enumerate(lengths)]
    outputs = asyncio.get_running_loop().create_future()
    return Work(
        backend,
        throughput,
        texts,
        organisation_id=organisation,
        lane=lane,
        expires_at=expires_at,
        span=INVALID_SPAN_CONTEXT,
        outputs=outputs,
    )


def all_batches(lanes: Lanes, now: float = 0.0) -> list[Batch]:
    batches = []
    while (batch := lanes.next_batch(now)) is not None:
        batches.append(batch)
    return batches


def organisations(batches: list[Batch]) -> list[str]:
    return [batch.places[0][0].organisation_id for batch in batches]


async def test_interactive_goes_before_bulk_that_came_earlier() -> None:
    lanes = Lanes()
    lanes.add(work([30, 30]), 0.0)
    lanes.add(work([5], lane=Lane.INTERACTIVE), 0.0)
    assert [batch.lane for batch in all_batches(lanes)] == [Lane.INTERACTIVE, Lane.BULK, Lane.BULK]


async def test_organisations_take_turns_however_much_one_sends() -> None:
    lanes = Lanes()
    for _ in range(3):
        lanes.add(work([30] * 3, "greedy"), 0.0)
    lanes.add(work([30, 30], "modest"), 0.0)
    turns = organisations(all_batches(lanes))
    assert turns[:4] == ["greedy", "modest", "greedy", "modest"]
    assert turns.count("greedy") == 9


async def test_organisations_get_equal_tokens_whatever_their_batches_are_like() -> None:
    lanes = Lanes()
    lanes.add(work([30] * 50, "long"), 0.0)
    lanes.add(work([15] * 100, "short"), 0.0)
    batches = [batch for _ in range(40) if (batch := lanes.next_batch(0))]
    tokens = {name: sum(b.token_count for b, n in zip(batches, organisations(batches), strict=True) if n == name)
              for name in ("long", "short")}  # fmt: skip
    assert tokens == {"long": 600, "short": 600}


async def test_a_model_that_costs_ten_times_as_much_gets_a_tenth_of_the_tokens() -> None:
    cheap, dear = (Throughput(1, BatchSize(BUDGET, OVERHEAD)) for _ in range(2))
    cheap.observe(Lane.BULK, 1000, 1.0)
    dear.observe(Lane.BULK, 100, 1.0)
    lanes = Lanes()
    lanes.add(work([30] * 100, "cheap", throughput=cheap), 0.0)
    lanes.add(work([30] * 100, "dear", backend=RememberingBackend(), throughput=dear), 0.0)
    turns = organisations([batch for _ in range(44) if (batch := lanes.next_batch(0))])
    assert turns.count("dear") == 4


async def test_one_that_comes_anew_goes_next_and_gains_nothing_for_having_stayed_away() -> None:
    lanes = Lanes()
    for name in ("a", "b"):
        lanes.add(work([30] * 10, name), 0.0)
    assert organisations([batch for _ in range(8) if (batch := lanes.next_batch(0))]) == ["a", "b"] * 4
    lanes.add(work([30] * 4, "c"), 0.0)
    turns = organisations(all_batches(lanes))
    assert turns.index("c") <= 2
    assert sorted(turns[:6]) == ["a", "a", "b", "b", "c", "c"]


async def test_one_that_left_and_comes_back_at_once_waits_for_its_turn() -> None:
    lanes = Lanes()
    lanes.add(work([30], "a"), 0.0)
    for name in ("b", "c"):
        lanes.add(work([30] * 2, name), 0.0)
    assert organisations([batch for _ in range(2) if (batch := lanes.next_batch(0))]) == ["a", "b"]
    lanes.add(work([30], "a"), 0.0)
    assert organisations(all_batches(lanes))[0] == "c"


async def test_bulk_gets_one_batch_in_sixteen_once_it_has_waited_a_second() -> None:
    lanes = Lanes()
    lanes.add(work([30] * 9, "a"), 0.0)
    lanes.add(work([30] * 200, "b", Lane.INTERACTIVE), 0.0)
    assert {batch.lane for _ in range(50) if (batch := lanes.next_batch(0.9))} == {Lane.INTERACTIVE}
    order = [batch.lane for step in range(64) if (batch := lanes.next_batch(1.0 + step))]
    assert [place for place, lane in enumerate(order) if lane is Lane.BULK] == [0, 16, 32, 48]


async def test_bulk_gets_no_more_than_a_batch_a_second_before_interactive_work() -> None:
    lanes = Lanes()
    lanes.add(work([30] * 9, "a"), 0.0)
    lanes.add(work([30] * 400, "b", Lane.INTERACTIVE), 0.0)
    order = [batch.lane for step in range(301) if (batch := lanes.next_batch(step / 100))]
    assert order.count(Lane.BULK) == 3


async def test_callers_of_like_texts_share_a_batch_within_the_budget() -> None:
    lanes = Lanes()
    first, second, far = work([8], "a"), work([7, 8, 8, 8], "b"), work([24], "c")
    for each in (first, second, far):
        lanes.add(each, 0.0)
    batch = lanes.next_batch(0)
    assert batch is not None
    assert batch.works == [first, second]
    assert len(batch.places) == 4


async def test_unlike_lengths_are_not_padded_together() -> None:
    lanes = Lanes()
    lanes.add(work([20, 4, 4]), 0.0)
    assert [[len(tokens) for tokens in batch.texts] for batch in all_batches(lanes)] == [[20], [4, 4]]


async def test_a_text_over_the_budget_is_a_batch_of_its_own() -> None:
    lanes = Lanes()
    lanes.add(work([100, 100]), 0.0)
    assert [len(batch.places) for batch in all_batches(lanes)] == [1, 1]


async def test_work_whose_deadline_has_passed_is_dropped_with_the_reason() -> None:
    lanes = Lanes()
    late, on_time = work([5], "a", expires_at=10.0), work([5], "b", expires_at=10.1)
    lanes.add(late, 0.0)
    lanes.add(on_time, 0.0)
    batch = lanes.next_batch(now=10.0)
    assert batch is not None
    assert batch.works == [on_time]
    with pytest.raises(DeadlineExceeded):
        late.outputs.result()


async def test_removed_work_is_in_no_batch() -> None:
    lanes = Lanes()
    gone = work([30] * 3)
    lanes.add(gone, 0.0)
    assert lanes.next_batch(0) is not None
    lanes.remove(gone, "cancelled")
    lanes.remove(gone, "cancelled")
    assert all_batches(lanes) == []


async def test_padding_stays_below_what_another_batch_would_cost() -> None:
    lanes = Lanes()
    for length in (10, 9, 8, 7, 6, 5):
        lanes.add(work([length]), 0.0)
    assert [[len(tokens) for tokens in batch.texts] for batch in all_batches(lanes)] == [[10, 9, 8], [7, 6, 5]]


async def test_a_batch_holds_texts_of_one_model() -> None:
    lanes, other = Lanes(), RememberingBackend()
    for backend in (BACKEND, other, BACKEND, other):
        lanes.add(work([8], backend=backend), 0.0)
    batches = all_batches(lanes)
    assert [(batch.backend, len(batch.places)) for batch in batches] == [(BACKEND, 2), (other, 2)]


async def test_a_batch_that_begins_leaves_out_what_nobody_waits_for_any_more() -> None:
    lanes = Lanes()
    left, late, staying = work([8]), work([8], expires_at=5.0), work([8])
    for each in (left, late, staying):
        lanes.add(each, 0.0)
    batch = lanes.next_batch(0.0)
    assert batch is not None and len(batch.places) == 3
    left.outputs.cancel()
    assert batch.without_gone(5.0).works == [staying]
    assert batch.without_gone(5.0).token_count == 8


def steps(call: Callable[[], object]) -> int:
    """Calls of functions that a call makes, built-in ones too."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1

    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


async def test_a_batch_takes_as_many_steps_whether_64_requests_wait_or_2048() -> None:
    async def of(requests: int) -> list[int]:
        lanes = Lanes()
        for number in range(requests):
            lanes.add(work([5 + number % 20], f"organisation_{number % 500}", expires_at=1e6), 0.0)
        return [steps(lambda: lanes.next_batch(1.0)) for _ in range(8)]

    few, many = await of(64), await of(2048)
    assert max(many) <= 1.2 * max(few)


@settings(deadline=None)
@given(requests=st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=20), min_size=1, max_size=6))
def test_every_request_gets_its_vectors_in_its_own_order(requests: list[list[int]]) -> None:
    async def check() -> None:
        lanes = Lanes()
        works = [work(lengths, f"organisation_{place % 3}") for place, lengths in enumerate(requests)]
        for each in works:
            lanes.add(each, 0.0)
        for batch in all_batches(lanes):
            longest = max(map(len, batch.texts))
            assert len(batch.places) == 1 or longest * len(batch.places) <= BUDGET
            assert batch.padding_count <= (2 * OVERHEAD if longest <= 2 * OVERHEAD else OVERHEAD)
            batch.deliver(BACKEND.compute(batch.texts))
        for each, lengths in zip(works, requests, strict=True):
            assert each.outputs.result().vectors.tolist() == [[place, length] for place, length in enumerate(lengths)]

    asyncio.run(check())


async def test_a_batch_is_no_larger_than_the_devices_memory_has_room_for_now() -> None:
    backend = RememberingBackend()
    backend.room_tokens = 16
    lanes = Lanes()
    lanes.add(work([8, 8, 8], backend=backend), 0.0)
    assert [len(batch.places) for batch in all_batches(lanes)] == [2, 1]
