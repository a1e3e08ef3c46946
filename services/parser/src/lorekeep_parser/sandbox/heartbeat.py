"""Signs of life of a child at work. A reader that is long at one page gives one at each point of progress.

A child of which nothing is heard for `LOREKEEP_SILENCE_SECONDS` hangs, and is killed. What it answers is a sign of
life already; `beat` is for the time between.
"""

import time
from collections.abc import Callable

EVERY_SECONDS = 2.0


class _Heart:
    """Whom to tell, and when it was told last."""

    def __init__(self) -> None:
        self.tell: Callable[[], None] | None = None
        self.told = 0.0


_HEART = _Heart()


def heard_by(tell: Callable[[], None]) -> None:
    """Signs of life go to `tell` from now on."""
    _HEART.tell, _HEART.told = tell, time.monotonic()


def beat() -> None:
    """The work goes on. Costs next to nothing: it is told every other second at most."""
    now = time.monotonic()
    if _HEART.tell is not None and now - _HEART.told >= EVERY_SECONDS:
        _HEART.told = now
        _HEART.tell()
