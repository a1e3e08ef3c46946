"""Which texts make the next batch."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import DeadlineExceeded
from lorekeep_embedder.admission import Throughput
from lorekeep_embedder.backends.seam import Tokens
from lorekeep_embedder.lanes import Lanes
from lorekeep_embedder.work import Batch, Work
from tests.embedder.doubles import RememberingBackend

BUDGET = 32
BACKEND = RememberingBackend(batch_tokens=BUDGET)


def work(
    lengths: Sequence[int], organisation: str = "a", lane: Lane = Lane.BULK, expires_at: float | None = None
) -> Work:
    """A request whose texts have so many tokens; the first id tells a text's place."""
    texts = [Tokens([place, *([7] * (length - 1))]) for place, length in enumerate(lengths)]
    outputs = asyncio.get_running_loop().create_future()
    return Work(
        BACKEND,
        Throughput(1),
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
    lanes.add(work([30, 30]))
    lanes.add(work([5], lane=Lane.INTERACTIVE))
    assert [batch.lane for batch in all_batches(lanes)] == [Lane.INTERACTIVE, Lane.BULK, Lane.BULK]


async def test_organisations_take_turns_however_much_one_sends() -> None:
    lanes = Lanes()
    for _ in range(3):
        lanes.add(work([30] * 3, "greedy"))
    lanes.add(work([30, 30], "modest"))
    turns = organisations(all_batches(lanes))
    assert turns[:4] == ["greedy", "modest", "greedy", "modest"]
    assert turns.count("greedy") == 9


async def test_an_organisation_that_comes_back_waits_for_its_turn() -> None:
    lanes = Lanes()
    for name in ("a", "b", "c"):
        lanes.add(work([30, 30], name))
    assert organisations([batch for _ in range(2) if (batch := lanes.next_batch(0))]) == ["a", "b"]
    lanes.add(work([30], "d"))
    assert organisations(all_batches(lanes)) == ["c", "a", "b", "d", "c"]


async def test_callers_of_like_texts_share_a_batch_within_the_budget() -> None:
    lanes = Lanes()
    first, second, far = work([8], "a"), work([7, 8, 8, 8], "b"), work([24], "c")
    for each in (first, second, far):
        lanes.add(each)
    batch = lanes.next_batch(0)
    assert batch is not None
    assert batch.works == [first, second]
    assert len(batch.places) == 4


async def test_unlike_lengths_are_not_padded_together() -> None:
    lanes = Lanes()
    lanes.add(work([16, 4, 4]))
    assert [[len(tokens) for tokens in batch.texts] for batch in all_batches(lanes)] == [[16], [4, 4]]


async def test_a_text_over_the_budget_is_a_batch_of_its_own() -> None:
    lanes = Lanes()
    lanes.add(work([100, 100]))
    assert [len(batch.places) for batch in all_batches(lanes)] == [1, 1]


async def test_work_whose_deadline_has_passed_is_dropped_with_the_reason() -> None:
    lanes = Lanes()
    late, on_time = work([5], "a", expires_at=10.0), work([5], "b", expires_at=10.1)
    lanes.add(late)
    lanes.add(on_time)
    batch = lanes.next_batch(now=10.0)
    assert batch is not None
    assert batch.works == [on_time]
    with pytest.raises(DeadlineExceeded):
        late.outputs.result()


async def test_removed_work_is_in_no_batch() -> None:
    lanes = Lanes()
    gone = work([30] * 3)
    lanes.add(gone)
    assert lanes.next_batch(0) is not None
    lanes.remove(gone, "cancelled")
    lanes.remove(gone, "cancelled")
    assert all_batches(lanes) == []


@settings(deadline=None)
@given(requests=st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=20), min_size=1, max_size=6))
def test_every_request_gets_its_vectors_in_its_own_order(requests: list[list[int]]) -> None:
    async def check() -> None:
        lanes = Lanes()
        works = [work(lengths, f"organisation_{place % 3}") for place, lengths in enumerate(requests)]
        for each in works:
            lanes.add(each)
        for batch in all_batches(lanes):
            longest = max(map(len, batch.texts))
            assert len(batch.places) == 1 or longest * len(batch.places) <= BUDGET
            batch.deliver(BACKEND.compute(batch.texts))
        for each, lengths in zip(works, requests, strict=True):
            assert each.outputs.result().vectors.tolist() == [[place, length] for place, length in enumerate(lengths)]

    asyncio.run(check())
