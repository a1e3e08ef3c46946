"""The walls between the rooms: import contracts, and what a process really loads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = [f"services/{name}/src" for name in ("chassis", "gateway", "parser", "embedder", "search")] + ["sdk/src"]
HEAVY = {
    *("torch", "sentence_transformers", "transformers", "onnxruntime", "openvino"),
    *("unstructured", "qdrant_client", "qdrant_edge", "redis"),
}
# Modules that start a process, and what of the heavy set they may load at once.
LOADS: dict[str, set[str]] = {
    "lorekeep_gateway.commands": set(),
    "lorekeep_gateway.ingest.role": {"redis"},
    "lorekeep_parser.__main__": set(),
    "lorekeep_embedder.__main__": set(),
    "lorekeep_search.__main__": set(),
    "lorekeep_sdk.command": set(),
}


def _contracts(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(root / each) for each in SOURCE_ROOTS)}
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [linter, "--no-cache"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_the_import_contracts_hold() -> None:
    result = _contracts(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("services/gateway/src/lorekeep_gateway/ids.py", "import torch", "Models are computed in the embedder alone"),
        ("services/search/src/lorekeep_search/__init__.py", "import lorekeep_gateway", "Services rest on the chassis"),
        ("sdk/src/lorekeep_sdk/__init__.py", "import lorekeep_chassis", "The sdk imports no part of the house"),
        ("services/gateway/src/lorekeep_gateway/ingest/role.py", "import httpx", "What the gateway sends out"),
        ("services/parser/src/lorekeep_parser/__main__.py", "from lorekeep_chassis import redis_cache", "Redis is"),
    ],
)
def test_a_planted_import_breaks_a_contract(tmp_path: Path, module: str, planted: str, contract: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for each in SOURCE_ROOTS:
        shutil.copytree(ROOT / each, tmp_path / each, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{planted}\n")
    result = _contracts(tmp_path)
    assert result.returncode == 1
    assert f"{contract}" in result.stdout.split("Broken contracts")[-1]


@pytest.mark.parametrize("module", LOADS)
def test_a_process_starts_without_what_is_not_its_own(module: str) -> None:
    script = (
        f"import sys, importlib; importlib.import_module('{module}'); print(*{{m.split('.')[0] for m in sys.modules}})"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(result.stdout.split()) & HEAVY == LOADS[module]
