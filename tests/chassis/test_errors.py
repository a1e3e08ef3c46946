"""The error tree: every class crosses gRPC and comes out as it went in."""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_chassis import errors

CLASSES = sorted(errors._BY_NAME.values(), key=lambda each: each.__name__)
WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=40)
DELAYS = st.none() | st.integers(0, 86_400_000).map(lambda ms: ms / 1000)


def _crossed(error: errors.LorekeepError) -> errors.LorekeepError:
    status = errors.to_status(error)
    trailing = grpc.aio.Metadata(*status.trailing_metadata)
    return errors.of_rpc_error(grpc.aio.AioRpcError(status.code, grpc.aio.Metadata(), trailing, status.details))


@given(st.sampled_from(CLASSES), st.text(min_size=1), WORDS, DELAYS, WORDS | st.just(""))
def test_an_error_crosses_grpc_unchanged(
    kind: type[errors.LorekeepError], message: str, reason: str, delay: float | None, field: str
) -> None:
    arrived = _crossed(kind(message, reason=reason, retry_after_seconds=delay, field=field))
    assert type(arrived) is kind
    assert (arrived.message, arrived.reason, arrived.field) == (message, reason, field)
    assert arrived.retry_after_seconds == (None if delay is None else pytest.approx(delay, abs=0.001))


def test_every_class_of_the_tree_is_in_the_table() -> None:
    def below(kind: type[errors.LorekeepError]) -> set[type[errors.LorekeepError]]:
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    own = {each for each in below(errors.LorekeepError) if each.__module__ == errors.__name__}
    assert own - {errors.LorekeepError, errors.Internal} == set(CLASSES)


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_a_foreign_status_never_shows_its_text(code: grpc.StatusCode) -> None:
    foreign = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "ipv4:10.1.2.3:443 refused")
    assert "10.1.2.3" not in errors.of_rpc_error(foreign).message


def test_a_call_that_broke_under_a_message_may_be_repeated() -> None:
    broken = grpc.aio.AioRpcError(
        grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), "Internal error from Core"
    )
    told = errors.of_rpc_error(broken)
    assert (type(told), told.reason) == (errors.Unavailable, errors.CALL_BROKEN)
