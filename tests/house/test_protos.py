"""The committed stubs are those of the protos."""

import filecmp
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUBS = ROOT / "services/chassis/src/lorekeep"


def test_the_committed_stubs_do_not_drift(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([ROOT / "protos/generate", tmp_path], env=environment, check=True)
    fresh = {path.relative_to(tmp_path / "lorekeep") for path in (tmp_path / "lorekeep").rglob("*.py*")}
    committed = {path.relative_to(STUBS) for path in STUBS.rglob("*.py*") if "__pycache__" not in path.parts}
    assert fresh == committed
    names = [str(each) for each in fresh]
    assert filecmp.cmpfiles(tmp_path / "lorekeep", STUBS, names, shallow=False)[1:] == ([], [])
