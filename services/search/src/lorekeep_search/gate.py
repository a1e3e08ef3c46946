"""A bound on what waits for an engine."""

from collections.abc import Iterator
from contextlib import contextmanager

from lorekeep_chassis import errors

_RETRY_SECONDS = 0.5


class Gate:
    """Lets at most `limit` callers in at once; Overloaded for the next, at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Counts as inside while it runs."""
        if self._inside >= self._limit:
            raise errors.Overloaded(
                "The index has as much to do as it takes on. Try again shortly.", retry_after_seconds=_RETRY_SECONDS
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
