"""Progress and estimates: told from a row's own numbers, null where they do not suffice, never negative or NaN."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorekeep_gateway.estimates import Pace, Progress, seconds_left

_CALM = settings(max_examples=200, deadline=None)
_JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
_NAMES = ("pages_done", "pages_total", "chunks_done", "chunks_indexed", "chunks_total", "chunks", "complete", "verdict")
_COUNTERS = st.dictionaries(st.sampled_from(_NAMES), _JUNK)
_ROWS = st.fixed_dictionaries(
    {
        "id": st.just("job_a"),
        "status": st.sampled_from(["queued", "running", "succeeded", "failed", "cancelled"]),
        "progress": _COUNTERS | st.none(),
        "checkpoint": _COUNTERS,
        "parsed": _COUNTERS,
        "progress_before": _COUNTERS | st.none(),
        "run_seconds": st.none() | st.floats(),
        "pause_seconds": st.none() | st.floats(),
        "chunk_count": st.none() | st.integers(0, 10**9),
    }
)
_PACES = st.builds(
    Pace,
    running=st.integers(0, 10**6),
    mean_seconds=st.none() | st.floats(),
    places=st.none() | st.dictionaries(st.just("job_a"), st.integers(0, 10**7)),
)
RUNNING: dict[str, Any] = {
    "id": "job_a",
    "status": "running",
    "progress": {"pages_done": 30, "pages_total": 50, "chunks_indexed": 90},
    "checkpoint": {},
    "parsed": {},
    "progress_before": {},
    "run_seconds": 15.0,
    "pause_seconds": None,
    "chunk_count": None,
}
QUEUED = {**RUNNING, "status": "queued", "progress": {}, "run_seconds": None}


@_CALM
@given(row=_ROWS, pace=_PACES)
def test_whatever_a_row_holds_an_estimate_is_a_time_or_nothing(row: dict[str, Any], pace: Pace) -> None:
    seconds = seconds_left(row, pace)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
    if row["status"] not in ("queued", "running"):
        assert seconds is None


@_CALM
@given(row=_ROWS)
def test_progress_is_never_more_than_there_is(row: dict[str, Any]) -> None:
    progress = Progress.of_row(row)
    assert progress.chunks_done >= progress.chunks_indexed >= 0
    assert progress.chunks_total is None or progress.chunks_total >= progress.chunks_done


@_CALM
@given(row=_ROWS)
def test_where_nothing_succeeded_yet_a_waiting_job_has_no_estimate(row: dict[str, Any]) -> None:
    assert seconds_left({**row, "status": "queued"}, Pace(3, None, {"job_a": 0})) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 10.0),
        ({"progress_before": {"pages_done": 20, "chunks_indexed": 60}}, 30.0),
        ({"progress": {**RUNNING["progress"], "chunks_total": 90}}, 0.0),
        ({"checkpoint": {"complete": True, "chunks": 135}}, 7.5),
        ({"parsed": {"verdict": {}, "chunks": 120}}, 5.0),
        ({"progress": {**RUNNING["progress"], "chunks_done": 900}}, 235.0),
        ({"progress": {**RUNNING["progress"], "pages_done": 10, "chunks_done": 20, "chunks_indexed": 20}}, 60.0),
        ({"progress": {"pages_done": 30, "pages_total": 50, "chunks_done": 90}}, None),
        ({"progress": {}}, None),
        ({"progress": {"pages_done": 30, "pages_total": 0}}, None),
        ({"progress_before": {"pages_done": 30}}, None),
        ({"progress_before": {"chunks_indexed": 90}}, None),
        ({"progress_before": {"pages_done": 40}}, None),
        ({"run_seconds": None}, None),
        ({"run_seconds": math.nan}, None),
        ({"run_seconds": -1.0}, None),
    ],
)
def test_a_running_job_goes_on_at_the_pace_of_its_run(change: dict[str, Any], expected: float | None) -> None:
    assert seconds_left({**RUNNING, **change}, Pace()) == expected


@pytest.mark.parametrize(
    ("place", "running", "pause", "expected"),
    [(0, 0, None, 4.0), (3, 0, -5.0, 16.0), (3, 1, None, 20.0), (4, 4, None, 12.0), (0, 0, 60.0, 64.0)],
)
def test_a_waiting_job_takes_its_turn(place: int, running: int, pause: float | None, expected: float) -> None:
    row = {**QUEUED, "pause_seconds": pause}
    assert seconds_left(row, Pace(running, 4.0, {"job_a": place})) == expected
    assert seconds_left(row, Pace(running, 4.0, {})) is None


def test_the_number_of_chunks_is_told_only_once_parsing_has_ended() -> None:
    assert Progress.of_row(RUNNING).chunks_total is None
    assert Progress.of_row({**RUNNING, "chunk_count": 90}).chunks_total is None
    assert Progress.of_row({**RUNNING, "status": "succeeded", "chunk_count": 90}).chunks_total == 90
    assert Progress.of_row({**RUNNING, "progress": {"chunks_done": 7, "chunks_indexed": 5}}).chunks_done == 7
