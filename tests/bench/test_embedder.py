"""The embedder's bench runs, with ours alone and for moments: what it would measure is there to be read."""

import json
import subprocess
import sys

import pytest
from bench import report
from bench.embedder import targets

from tests.e2e.suite import DATA, ROOT

pytestmark = pytest.mark.skipif(not (DATA / "ir").is_dir(), reason="the judged collection is not here")
ROWS = (
    "chunks at 8, texts per server-CPU-second",
    "queries at 64, texts per server-CPU-second",
    "GEMM limit, float32",
    "of the GEMM limit, end to end over gRPC",
    "chunks at 8: CPU over the in-process backend",
    "queries at 64: CPU over the in-process backend",
    "ready after its start",
    "resident memory",
    "cosine to float32 sentence-transformers",
    "top 10 kept",
    "the same text alone and in any batch",
    "query p95 while bulk saturates",
    "goodput at twice the capacity",
    "refused at once",
    "computed for nobody",
)


@pytest.mark.timeout(900)
def test_every_row_of_ours_is_there() -> None:
    command = [sys.executable, "-m", "bench.embedder", "--quick", "--variants", "onnxruntime-float32"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=840)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads((report.FOLDER / "embedder-quick.json").read_text())
    told = [row["what"] for row in found["rows"]]
    assert [each for each in ROWS if not any(each in what for what in told)] == []
    assert ("missed" in {row["verdict"] for row in found["rows"]}) == (done.returncode == 1)
    assert {"processor", "flags", "versions"} <= set(found["conditions"])


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.9, targets.MISSED), (1.0, "ok"), (1.9, "ok"), (2.0, "ok, aim reached")]
)
def test_a_figure_of_which_more_is_better_is_judged(value: float, verdict: str) -> None:
    assert targets.at_least("texts", value, 1.0, 2.0).verdict == verdict


@pytest.mark.parametrize(
    ("value", "verdict"), [(2.1, targets.MISSED), (2.0, "ok"), (1.1, "ok"), (1.0, "ok, aim reached")]
)
def test_a_figure_of_which_less_is_better_is_judged(value: float, verdict: str) -> None:
    assert targets.at_most("seconds", value, 2.0, 1.0).verdict == verdict
