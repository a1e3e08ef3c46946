"""The GEMM limit of one core, the best that any engine here reaches with the model's own shapes."""

import json
import subprocess
import sys
from pathlib import Path

from bench.embedder.contenders import PEER_PYTHON
from bench.embedder.conversation import ONE_THREAD

_GEMM = Path(__file__).with_name("gemm.py")
_ENGINES = {"float32": ("torch", "openvino", "onnxruntime"), "bfloat16": ("torch", "openvino")}


def gflops(precision: str, seconds_a_shape: float) -> float:
    """GFLOP/s of CPU time: the best shape of the best engine. torch is the peers' where their environment is here."""
    return max(_best(engine, precision, seconds_a_shape) for engine in _ENGINES[precision])


def _best(engine: str, precision: str, seconds: float) -> float:
    python = str(PEER_PYTHON) if engine == "torch" and PEER_PYTHON.exists() else sys.executable
    command = [python, str(_GEMM), engine, precision, str(seconds)]
    done = subprocess.run(command, env=ONE_THREAD, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return max(found.values())
