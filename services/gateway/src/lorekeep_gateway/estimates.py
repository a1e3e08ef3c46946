"""How far a job is and how long it may yet take, told from its row alone and never guessed.

A running job goes on as fast as it went in the run under way, in chunks that came into the index:

    seconds left = seconds of this run x what is left / what this run added

The number of chunks is known once parsing has ended. Before, the pages that are left are taken to hold as many as those
that were read, and as parsing goes on beside indexing, it counts in pages instead where that takes longer.

A waiting job takes its turn behind the jobs of its organisation that are claimed before it. These take as long as the
organisation's last 50 successes took on average, as many at once as run now, at least one:

    seconds left = mean x (jobs before it, running ones too / jobs at once), or its own pause if that is longer, + mean

Where a number is missing (a run that has not moved yet, a document of unknown length, an organisation without a
success) nothing is estimated. Other organisations' jobs are not counted: the queue takes turns between them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST_SECONDS = 1e9


@dataclass(frozen=True)
class Progress:
    """What is done, counted from the document's beginning. `pages_total` is 0 and `chunks_total` None while unknown."""

    pages_done: int
    pages_total: int
    chunks_done: int
    chunks_indexed: int
    chunks_total: int | None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Progress":
        """Read from a job's row, whichever of its counters there are."""
        told = row["progress"] or {}
        indexed = _count(told, "chunks_indexed")
        done = max(_count(told, "chunks_done"), indexed)
        return cls(_count(told, "pages_done"), _count(told, "pages_total"), done, indexed, _chunks_total(row, done))


@dataclass(frozen=True)
class Pace:
    """An organisation's: how many jobs run, how long the last successes took on average, who waits at which place."""

    running: int = 0
    mean_seconds: float | None = None
    places: Mapping[str, int] | None = None


def seconds_left(row: Mapping[str, Any], pace: Pace) -> float | None:
    """Seconds to the job's end; None for one that has ended and where it is not known."""
    if row["status"] == "running":
        return _in_this_run(Progress.of_row(row), row["progress_before"] or {}, row["run_seconds"])
    place = (pace.places or {}).get(row["id"])
    if row["status"] != "queued" or place is None:
        return None
    return _in_its_turn(place + pace.running, pace, row["pause_seconds"])


def _in_this_run(now: Progress, before: Mapping[str, Any], run_seconds: float | None) -> float | None:
    indexed = now.chunks_indexed - _count(before, "chunks_indexed")
    if now.chunks_total is not None:
        return _paced(run_seconds, indexed, now.chunks_total - now.chunks_indexed)
    if not (now.pages_done and now.pages_total):
        return None
    expected = now.chunks_done * (now.pages_total / now.pages_done)
    indexing = _paced(run_seconds, indexed, expected - now.chunks_indexed)
    parsing = _paced(run_seconds, now.pages_done - _count(before, "pages_done"), now.pages_total - now.pages_done)
    return None if indexing is None or parsing is None else max(indexing, parsing)


def _paced(run_seconds: float | None, added: int, left: float) -> float | None:
    return None if run_seconds is None or added <= 0 or left < 0 else _told(run_seconds * (left / added))


def _in_its_turn(ahead: int, pace: Pace, pause_seconds: float | None) -> float | None:
    if pace.mean_seconds is None:
        return None
    turns = pace.mean_seconds * ahead / max(pace.running, 1)
    return _told(max(turns, pause_seconds or 0.0) + pace.mean_seconds)


def _told(seconds: float) -> float | None:
    """To a tenth; None for what no clock shows."""
    return round(seconds, 1) if math.isfinite(seconds) and 0 <= seconds <= _MOST_SECONDS else None


def _chunks_total(row: Mapping[str, Any], done: int) -> int | None:
    """Known from the end of parsing on, wherever that was written down."""
    told, checkpoint, parsed = (row[name] or {} for name in ("progress", "checkpoint", "parsed"))
    places = [(told, "chunks_total")]
    places += [(checkpoint, "chunks")] if checkpoint.get("complete") else []
    places += [(parsed, "chunks")] if parsed.get("verdict") is not None else []
    places += [(row, "chunk_count")] if row["status"] == "succeeded" else []
    known = [_count(each, name) for each, name in places if each.get(name) is not None]
    return known[0] if known and known[0] >= done else None


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
