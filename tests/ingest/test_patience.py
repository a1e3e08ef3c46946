"""Waiting for a dependency: as long as it asks for, and not all at the same time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_chassis import calls, errors
from lorekeep_gateway.ingest.patience import patiently, pause_before

ASKED = st.floats(0.1, 60)
TRIES = st.integers(0, 10_000)
FULL = st.sampled_from([errors.Overloaded, errors.LimitExceeded])


@given(tries=TRIES, asked=ASKED, kind=FULL)
def test_a_full_callee_is_asked_again_when_it_says(tries: int, asked: float, kind: type[errors.LorekeepError]) -> None:
    pause = pause_before(tries, kind("full", retry_after_seconds=asked), first_seconds=5)
    assert asked <= pause <= 3 * asked


@given(tries=TRIES, asked=st.none() | ASKED)
def test_one_that_is_away_is_asked_less_and_less_but_not_before_it_says(tries: int, asked: float | None) -> None:
    pause = pause_before(tries, errors.Unavailable("away", retry_after_seconds=asked), first_seconds=1)
    assert pause >= max(min(2.0 ** min(tries, 4), 10), asked or 0)
    assert pause <= 1.25 * max(10, asked or 0)


def test_those_that_were_refused_together_come_back_apart() -> None:
    pauses = {pause_before(0, errors.Overloaded("full", retry_after_seconds=1), first_seconds=1) for _ in range(20)}
    assert len(pauses) > 1


def test_no_hint_makes_it_ask_without_a_pause() -> None:
    assert pause_before(0, errors.Overloaded("full", retry_after_seconds=0), first_seconds=1) > 0


@pytest.mark.parametrize("kind", [errors.Overloaded, errors.LimitExceeded, errors.Unavailable])
async def test_it_is_asked_until_it_answers(kind: type[errors.LorekeepError]) -> None:
    left = [kind("full", retry_after_seconds=0.001) for _ in range(3)]

    async def call() -> str:
        if left:
            raise left.pop()
        return "answer"

    assert await patiently(call, 0.001) == "answer"


async def test_waiting_ends_with_the_callers_time() -> None:
    async def call() -> str:
        raise errors.Overloaded("full", retry_after_seconds=60)

    with calls.deadline(0.05), pytest.raises(errors.DeadlineExceeded):
        await patiently(call, 0.001)
