"""A short storm: every kind of process is struck once or so, and every promise holds."""

from pathlib import Path

import pytest

from tests.chaos import table
from tests.chaos.__main__ import run
from tests.chaos.judge import Promise

pytestmark = pytest.mark.e2e


def test_a_short_storm_breaks_no_promise(tmp_path: Path) -> None:
    report = run(seed=7, documents=24, kills=12, folder=tmp_path, say=print)
    print(table.shown(report))
    assert report.tally.told() == []
    assert sum(report.kills.values()) >= 10
    assert all(report.tally.checks[promise] > 0 for promise in Promise)
