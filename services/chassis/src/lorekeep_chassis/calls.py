"""Who a call is for: its context, carried as gRPC metadata, and its deadline, carried as gRPC's own.

The context is set at the edge (the gateway's authentication, the ingest role's job row) and read by interceptors;
nothing in between hands it on by hand.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from lorekeep_chassis.errors import DeadlineExceeded, InvalidInput


class Lane(StrEnum):
    """Who goes first where work waits."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


@dataclass(frozen=True)
class CallContext:
    """Organisation, collection, actor and lane of a call.

    `organisation_id` is the wall that nothing crosses; empty only for calls that touch no organisation's data
    (`ListModels`). `actor` is a key's or a job's id, for logs and traces.
    """

    organisation_id: str
    collection_id: str
    actor: str
    lane: Lane

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The context as gRPC metadata."""
        return (
            ("lorekeep-organisation", self.organisation_id),
            ("lorekeep-collection", self.collection_id),
            ("lorekeep-actor", self.actor),
            ("lorekeep-lane", self.lane.value),
        )

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, str]) -> "CallContext":
        """Reads `metadata()` back; InvalidInput where a part is missing or the lane unknown."""
        try:
            return cls(
                metadata["lorekeep-organisation"],
                metadata["lorekeep-collection"],
                metadata["lorekeep-actor"],
                Lane(metadata["lorekeep-lane"]),
            )
        except (KeyError, ValueError) as error:
            raise InvalidInput(
                "The call has no complete call context. Send the lorekeep-organisation, -collection, -actor and "
                "-lane metadata.",
                reason="call_context_missing",
            ) from error


_CONTEXT: ContextVar[CallContext] = ContextVar("lorekeep_call_context")
_DEADLINE: ContextVar[float | None] = ContextVar("lorekeep_deadline", default=None)


def current() -> CallContext:
    """The context of the running call; LookupError outside of one, so that nothing goes out without an owner."""
    return _CONTEXT.get()


def current_or_none() -> CallContext | None:
    """The context of the running call, for logs."""
    return _CONTEXT.get(None)


@contextmanager
def calling_as(context: CallContext) -> Iterator[None]:
    """Makes `context` that of everything called inside."""
    token = _CONTEXT.set(context)
    try:
        yield
    finally:
        _CONTEXT.reset(token)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Bounds everything called inside; never later than a bound that holds already. None adds no bound."""
    now, outer = time.monotonic(), _DEADLINE.get()
    bounds = [each for each in (outer, None if seconds is None else now + seconds) if each is not None]
    token = _DEADLINE.set(min(bounds, default=None))
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def remaining_seconds() -> float | None:
    """Seconds to the deadline, None where there is none; DeadlineExceeded once it has passed."""
    at = _DEADLINE.get()
    if at is None:
        return None
    left = at - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded("The request ran out of time. Try again, or ask for less at once.")
    return left
