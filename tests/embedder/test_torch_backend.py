"""What torch's backend does beside computing: the device, the precision, a memory that ends, and giving it all back."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from prometheus_client import REGISTRY, generate_latest
from pydantic import ValidationError

from lorekeep_chassis.errors import Overloaded, Unavailable
from lorekeep_embedder.backends import choice
from lorekeep_embedder.backends.seam import Outputs, Tokens
from lorekeep_embedder.backends.torch import devices
from lorekeep_embedder.backends.torch.backend import TorchBackend
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings
from lorekeep_embedder.texts.tokenizer import Tokenizer

TEXTS = [f"Passage {number} is about gardens, soil and the weather in many plain words. " * 2 for number in range(12)]


class SmallBackend(TorchBackend):
    """Has a memory for so many padded tokens and no more."""

    room = 100

    def _run(self, batch: Sequence[Tokens]) -> Outputs:
        if len(batch) * max(map(len, batch)) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super()._run(batch)


@pytest.fixture(scope="module")
def texts(tokenizer: Tokenizer) -> list[Tokens]:
    return tokenizer.tokenised(TEXTS, truncate=True).texts


@pytest.fixture(scope="module")
def reference(folder: Path) -> Iterator[TorchBackend]:
    backend = TorchBackend(folder, device="cpu")
    yield backend
    backend.close()


def test_the_cpu_computes_in_float32_unless_told_otherwise(reference: TorchBackend) -> None:
    assert (reference.name, reference.device, reference.precision) == ("torch", "cpu", "float32")


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_keeps_its_promise_with_real_weights(
    folder: Path, reference: TorchBackend, texts: list[Tokens], precision: str
) -> None:
    half = TorchBackend(folder, device="cpu", precision=precision)
    cosines = np.sum(half.compute(texts).vectors * reference.compute(texts).vectors, axis=1)
    assert cosines.min() >= 0.999
    assert np.linalg.norm(half.compute(texts).vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_memory_that_ends_costs_batches_and_changes_no_vector(
    folder: Path, reference: TorchBackend, texts: list[Tokens]
) -> None:
    small = SmallBackend(folder, device="cpu")
    before = _reductions()
    vectors = small.compute(texts).vectors
    assert np.abs(vectors - reference.compute(texts).vectors).max() < 1e-5
    assert _reductions() - before >= 3
    small.room = 3
    with pytest.raises(Overloaded, match="does not fit"):
        small.compute(texts)
    small.room = 1000
    assert small.compute(texts[:2]).vectors.shape == (2, 384)


def test_close_gives_the_weights_back(folder: Path) -> None:
    backend = TorchBackend(folder, device="cpu")
    modules = weakref.ref(backend._model.modules)
    assert backend.memory_bytes > 80_000_000
    backend.close()
    gc.collect()
    assert modules() is None


def test_int8_is_not_torchs(folder: Path) -> None:
    with pytest.raises(Unavailable, match="does not compute in int8") as raised:
        TorchBackend(folder, device="cpu", precision="int8")
    assert raised.value.reason == "precision_missing"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_the_default_precision_stands_first() -> None:
    assert devices.precisions("auto") == devices.precisions("cpu") == ("float32", "bfloat16", "float16")


def test_a_plan_names_its_precisions_and_opens_a_model_in_each(spec: ModelSpec, folder: Path) -> None:
    plan = choice.planned(EmbedderSettings(embedder_token="t", device="cpu", backend="torch"))
    assert choice.precisions(plan)[0] == choice.opened(plan, spec, folder, "").precision == "float32"
    assert choice.opened(plan, spec, folder, "", "bfloat16").precision == "bfloat16"


def test_there_is_no_memory_of_a_gpu_where_there_is_none(reference: TorchBackend) -> None:
    assert reference.device == "cpu"
    assert b"embedding_gpu_memory_bytes{" not in generate_latest()


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        ({"built": False, "visible": None}, "build without CUDA"),
        ({"built": True, "visible": ""}, "CUDA_VISIBLE_DEVICES is ''"),
        ({"built": True, "visible": None}, "nvidia-smi"),
    ],
)
def test_a_device_that_is_missing_is_explained(facts: dict[str, object], advice: str) -> None:
    error = devices.missing(**facts)  # type: ignore[arg-type]
    assert advice in error.message
    assert "LOREKEEP_DEVICE" in error.message
    assert error.reason == "device_missing"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_who_asks_for_cuda_in_vain_is_told_what_is_missing(spec: ModelSpec, folder: Path) -> None:
    plan = choice.planned(EmbedderSettings(embedder_token="t", device="cuda"))
    assert plan.backend == "torch"
    with pytest.raises(Unavailable, match="LOREKEEP_DEVICE is cuda, but"):
        choice.opened(plan, spec, folder, "")


def test_cuda_is_refused_for_a_backend_of_the_cpu() -> None:
    with pytest.raises(ValidationError, match="computes on the CPU alone"):
        EmbedderSettings(embedder_token="t", device="cuda", backend="onnxruntime")


def test_the_cpu_can_be_asked_for_and_takes_no_torch() -> None:
    assert choice.planned(EmbedderSettings(embedder_token="t", device="cpu")).backend != "torch"


def _reductions() -> float:
    return REGISTRY.get_sample_value("embedding_batch_reductions_total") or 0.0
