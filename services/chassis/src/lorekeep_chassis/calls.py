"""Who a call is for: its context, carried as gRPC metadata, and its deadline, carried as gRPC's own.

The context is set at the edge (the gateway's authentication, the ingest role's job row) and read by interceptors;
nothing in between hands it on by hand.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

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

_T = TypeVar("_T")


def current() -> CallContext:
    """The context of the running call; LookupError outside of one, so that nothing goes out without an owner."""
    return _CONTEXT.get()


def current_or_none() -> CallContext | None:
    """The context of the running call, for logs."""
    return _CONTEXT.get(None)


class _Set(Generic[_T]):
    """Gives a context variable a value for what runs inside. A class, since a generator costs each call 1 us more."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[_T], value: _T) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)


def calling_as(context: CallContext) -> AbstractContextManager[None]:
    """Makes `context` that of everything called inside."""
    return _Set(_CONTEXT, context)


def deadline(seconds: float | None) -> AbstractContextManager[None]:
    """Bounds everything called inside; never later than a bound that holds already. None adds no bound."""
    outer = _DEADLINE.get()
    if seconds is None:
        return _Set(_DEADLINE, outer)
    at = time.monotonic() + seconds
    return _Set(_DEADLINE, at if outer is None else min(at, outer))


def remaining_seconds() -> float | None:
    """Seconds to the deadline, None where there is none; DeadlineExceeded once it has passed."""
    at = _DEADLINE.get()
    if at is None:
        return None
    left = at - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded("The request ran out of time. Try again, or ask for less at once.")
    return left
