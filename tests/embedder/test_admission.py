"""Bounds in texts and tokens, and the hint when to come back."""

import pytest

from lorekeep_chassis.calls import Lane
from lorekeep_chassis.errors import Overloaded
from lorekeep_embedder.admission import Admission, Bound, Throughput, bounds_of
from tests.embedder.doubles import RememberingBackend

BOUNDS = {Lane.INTERACTIVE: Bound(4, 40), Lane.BULK: Bound(10, 1000)}


@pytest.fixture
def admission() -> Admission:
    throughput = Throughput(sessions=2)
    throughput.observe(tokens=100, seconds=1.0)
    return Admission(BOUNDS, throughput)


def refusal(admission: Admission, lane: Lane, texts: int, tokens: int) -> Overloaded:
    with pytest.raises(Overloaded) as error, admission.admitted(lane, texts, tokens):
        pytest.fail("was admitted")
    return error.value


def test_too_many_tokens_are_refused_with_the_time_that_the_excess_takes(admission: Admission) -> None:
    with admission.admitted(Lane.BULK, 1, 900):
        error = refusal(admission, Lane.BULK, 1, 500)
    assert error.retry_after_seconds == pytest.approx(2.0)


def test_too_many_texts_are_refused(admission: Admission) -> None:
    with admission.admitted(Lane.BULK, 10, 100):
        error = refusal(admission, Lane.BULK, 5, 1)
    assert error.retry_after_seconds == pytest.approx(0.25)


def test_bulk_work_does_not_shut_out_queries(admission: Admission) -> None:
    with admission.admitted(Lane.BULK, 10, 1000), admission.admitted(Lane.INTERACTIVE, 1, 10) as ticket:
        assert ticket.texts == 1


def test_an_empty_lane_takes_what_is_larger_than_itself(admission: Admission) -> None:
    with admission.admitted(Lane.INTERACTIVE, 1024, 100_000):
        assert refusal(admission, Lane.INTERACTIVE, 1, 1).retry_after_seconds == 60.0
    with admission.admitted(Lane.INTERACTIVE, 1, 1) as ticket:
        assert ticket.tokens == 1


def test_counted_tokens_replace_the_estimate(admission: Admission) -> None:
    with admission.admitted(Lane.BULK, 1, 1000) as first:
        first.settle(300)
        with admission.admitted(Lane.BULK, 1, 700):
            refusal(admission, Lane.BULK, 1, 1)
    with admission.admitted(Lane.BULK, 1, 1) as ticket, admission.admitted(Lane.BULK, 1, 999):
        assert ticket.tokens == 1


def test_room_is_given_back_when_a_request_fails(admission: Admission) -> None:
    with pytest.raises(RuntimeError), admission.admitted(Lane.BULK, 10, 1000):
        raise RuntimeError
    with admission.admitted(Lane.BULK, 5, 5), admission.admitted(Lane.BULK, 5, 5) as ticket:
        assert ticket.texts == 5


def test_bounds_grow_with_the_backend() -> None:
    one, four = (bounds_of(RememberingBackend(batch_tokens=256), sessions) for sessions in (1, 4))
    assert four[Lane.BULK].tokens == 4 * one[Lane.BULK].tokens
    assert one[Lane.BULK].tokens > one[Lane.INTERACTIVE].tokens
    assert one[Lane.BULK].texts >= 1024
