"""Waiting for what will come back: a dependency that is down or full costs no attempt, only time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lorekeep_chassis import calls, client_calls, errors, logs
from lorekeep_gateway.ingest import measures

_LOG = logs.logger(__name__)
_LONGEST_PAUSE_SECONDS = 10.0
_SHORTEST_PAUSE_SECONDS = 0.05
_FULL = (errors.Overloaded, errors.LimitExceeded)
_PASSING = (errors.Unavailable, *_FULL)
# The parser names these of the document, whatever class they come as: waiting does not help.
_OF_THE_DOCUMENT = frozenset({"parser_crashed", "parse_timeout"})

Result = TypeVar("Result")


async def patiently(call: Callable[[], Awaitable[Result]], first_pause_seconds: float) -> Result:
    """Calls until no dependency is in the way; DeadlineExceeded when the caller's time is up first.

    Pauses are never shorter than the callee asks for; see `pause_before`.
    """
    tries = 0
    while True:
        try:
            async with client_calls.translated():
                return await call()
        except _PASSING as error:
            if not passing(error):
                raise
            measures.WAITS.labels(type(error).__name__).inc()
            _LOG.warning("waiting for a dependency", extra={"lorekeep": {"reason": error.reason, "tries": tries + 1}})
            pause = pause_before(tries, error, first_pause_seconds)
        left = calls.remaining_seconds()
        await asyncio.sleep(pause if left is None else min(pause, left))
        tries += 1


def passing(error: errors.LorekeepError) -> bool:
    """Whether an error is of a dependency that is away or full, so that waiting helps."""
    return isinstance(error, _PASSING) and error.reason not in _OF_THE_DOCUMENT


def pause_before(tries: int, error: errors.LorekeepError, first_seconds: float) -> float:
    """How long to wait after an error that `tries` others went before.

    A callee that is full knows when it has room, so where it says so its word is taken: nothing is left idle for ten
    seconds for having been full for one. One that is away knows nothing of its return, and pauses double.
    """
    asked = error.retry_after_seconds
    if asked is not None and isinstance(error, _FULL):
        return max(asked, _SHORTEST_PAUSE_SECONDS) * _apart(tries)
    return max(backed_off(first_seconds, tries), (asked or 0.0) * _apart(0))


def _apart(tries: int) -> float:
    """Those that were refused together do not come back together: up to a quarter later, and the oftener they were
    refused the further apart, up to three times as late."""
    return 1 + random.random() * 2.0 ** min(tries, 3) / 4  # noqa: S311 - jitter is no secret


def backed_off(first_seconds: float, tries: int) -> float:
    """A pause that doubles with each try, up to ten seconds, and up to a quarter longer by chance."""
    pause = min(first_seconds * 2.0 ** min(tries, 16), _LONGEST_PAUSE_SECONDS)
    return float(pause * _apart(0))
