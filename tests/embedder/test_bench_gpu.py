"""The operator's measurement of a GPU, as far as a machine without one goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


def _measured(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bench.gpu", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_it_runs_on_a_cpu_and_says_that_it_did() -> None:
    result = _measured("--device", "cpu", "--small")
    assert result.returncode == 0, result.stderr
    assert "Run on the CPU" in result.stdout
    facts = json.loads((ROOT / "build" / "bench" / "gpu-small.json").read_text())
    assert (facts["device"], "Run on the CPU" in facts["note"]) == ("cpu", True)
    figures = {row["what"]: row["figure"] for row in facts["rows"]}
    assert figures["out of memory (simulated), runs that failed / batches halved"] == "3 / 3"
    assert float(figures["lorekeep, tokens a second"]) > 0
    assert float(figures["out of memory, smallest cosine to the undivided batch"]) > 0.9999


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_without_cuda_it_says_so_and_ends_with_2() -> None:
    result = _measured()
    assert result.returncode == 2
    assert "LOREKEEP_DEVICE is cuda, but" in result.stdout
