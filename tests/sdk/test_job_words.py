"""How jobs are told on a screen: in words, and in tables from which ids can be copied."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from rich.console import Console

from lorekeep_sdk.answers import Job
from lorekeep_sdk.command import job_words, jobs


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-3, "0 s ago"), (8, "8 s ago"), (600, "10 min ago"), (7_200, "2.0 h ago"), (86_400 * 30, "30 days ago")],
)
def test_a_moment_is_told_by_its_distance(seconds: int, told: str) -> None:
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    assert job_words.ago(moment.isoformat()) == told


def job(status: str, **facts: Any) -> Job:
    return cast(Job, {"id": "job_01m7z7d22kzqta0jpb5ejsk439", "status": status, **facts})


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (job("succeeded", progress={"chunks_indexed": 1}), "1 chunk"),
        (job("succeeded", progress={"chunks_indexed": 12}), "12 chunks"),
        (job("cancelled"), ""),
        (job("running", stage="index", progress={"chunks_indexed": 3, "chunks_total": 9}), "index 3/9 chunks"),
    ],
)
def test_how_far_a_job_came_is_beside_its_status(told: Job, words: str) -> None:
    assert job_words.far(told) == words


def test_an_id_stays_on_its_line_on_a_narrow_screen() -> None:
    screen = Console(width=80, highlight=False)
    with screen.capture() as shown:
        screen.print(jobs._table([job("running", document_id="a-very-long-name-of-a-document.pdf" * 3)]))
    assert "job_01m7z7d22kzqta0jpb5ejsk439 " in shown.get()
