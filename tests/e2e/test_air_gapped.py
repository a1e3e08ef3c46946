"""The whole suite without a network: nothing that it starts, reads or answers asks anybody outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import cut_off
from tests.e2e.suite import ROOT

pytestmark = pytest.mark.e2e


def test_the_suite_indexes_and_answers_with_the_public_network_cut(tmp_path: Path) -> None:
    command = [*cut_off.unshared("--net"), sys.executable, "-m", "tests.e2e.air_gapped", str(tmp_path / "home")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "network": "OSError 101", "statuses": ["ready", "ready"], "found": "keys"
    }  # fmt: skip
