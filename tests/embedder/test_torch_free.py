"""What serves on a CPU loads no torch and builds no graph in its own process, though both are installed here."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from lorekeep_embedder.settings import EmbedderSettings

HEAVY = {"torch", "sentence_transformers", "transformers", "onnx"}
OFFERED = get_args(EmbedderSettings.model_fields["backend"].annotation)
SERVING = """
import sys
import lorekeep_embedder.__main__, lorekeep_embedder.backends.torch.memory
from lorekeep_embedder.models import model_files, registry
from lorekeep_embedder.backends import choice
from lorekeep_embedder.models.loaded_model import LoadedModel
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.settings import EmbedderSettings
from lorekeep_embedder.texts.tokenizer import Tokenizer

settings = EmbedderSettings(embedder_token="t", backend=sys.argv[1], device="cpu", sessions=1)
spec = registry.load()[settings.embedding_model]
folder = model_files.verified(spec, "").folder
plan = choice.planned(settings)
backend = choice.opened(plan, spec, folder, sys.argv[2])
model = LoadedModel(spec, Tokenizer(spec, folder), backend, Scheduler(1))
print(backend.name, *{module.split(".")[0] for module in sys.modules})
model.close()
"""


def _loaded_by(backend: str, folder: Path) -> tuple[str, set[str]]:
    """The backend that runs once a model is loaded and warm, and the packages that are imported by then."""
    command = [sys.executable, "-c", SERVING, backend, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    name, *modules = output.split()
    return name, set(modules)


@pytest.mark.parametrize("backend", [each for each in OFFERED if each != "torch"])
def test_a_process_that_serves_on_the_cpu_loads_neither_torch_nor_onnx(backend: str, tmp_path: Path) -> None:
    name, modules = _loaded_by(backend, tmp_path)
    assert name == backend or backend == "auto"
    assert name in modules
    assert modules & HEAVY == set()


def test_the_reference_does_load_torch(tmp_path: Path) -> None:
    assert "torch" in _loaded_by("torch", tmp_path)[1]
