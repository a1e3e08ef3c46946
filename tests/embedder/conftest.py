"""The default model, every backend over it, and a running embedder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lorekeep_embedder import cores
from lorekeep_embedder.backends import choice
from lorekeep_embedder.backends.seam import Backend
from lorekeep_embedder.models import model_files, registry
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings
from lorekeep_embedder.texts.tokenizer import Tokenizer
from tests.embedder.processes import EmbedderProcess, running


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Graphs and digests go into a folder of this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return next(iter(registry.load().values()))


@pytest.fixture(scope="session")
def folder(spec: ModelSpec) -> Path:
    return model_files.verified(spec, "").folder


@pytest.fixture(scope="session")
def tokenizer(spec: ModelSpec, folder: Path) -> Tokenizer:
    return Tokenizer(spec, folder)


@pytest.fixture(scope="session")
def models_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where graphs are kept; there is no model in it."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(
    scope="session",
    params=[("openvino", "bfloat16"), ("openvino", "float32"), ("onnxruntime", "float32"), ("torch", "auto")],
    ids=" ".join,
)
def backend(request: pytest.FixtureRequest, spec: ModelSpec, folder: Path, models_path: Path) -> Iterator[Backend]:
    name, precision = request.param
    if precision == "bfloat16" and not cores.has_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    settings = EmbedderSettings(embedder_token="t", backend=name, precision=precision)  # type: ignore[arg-type]
    opened = choice.opened(choice.planned(settings), spec, folder, str(models_path))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def embedder(models_path: Path) -> Iterator[EmbedderProcess]:
    with running(models_path, LOREKEEP_SESSIONS="1") as process:
        process.wait_until_ready()
        yield process
