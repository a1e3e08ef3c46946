"""What is said where no graph can be built, and where a precision cannot be had."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from lorekeep_chassis.errors import Unavailable
from lorekeep_chassis.settings import SettingsError, load
from lorekeep_embedder import cores
from lorekeep_embedder.backends import choice, graph_cache
from lorekeep_embedder.graph import files
from lorekeep_embedder.graph.recipe import Recipe
from lorekeep_embedder.graph.refusal import Refused
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings
from tests.embedder import tiny_models

RECIPE = Recipe(tiny_models.WINDOW_TOKENS, tiny_models.DIMENSIONS)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_models.encoder(tmp_path / "tiny")


def _configure(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "qwen3"}, r"family 'qwen3'; .*bert.*LOREKEEP_BACKEND=torch"),
        ({"hidden_act": "silu"}, r"activation silu.*LOREKEEP_BACKEND=torch"),
        ({"position_embedding_type": "relative_key"}, "relative_key positions"),
        ({"num_hidden_layers": 3}, r"lacks encoder\.layer\.2"),
        ({"num_hidden_layers": 10**12}, "no such number"),
        ({"intermediate_size": 2**20}, "asks for"),
        ({"num_attention_heads": 5}, "do not divide"),
        ({"vocab_size": 8}, "tokenizer.json has a token"),
        ({"max_position_embeddings": 63}, "window of 64 tokens, the model has 63"),
        ({"layer_norm_eps": "nan"}, "layer_norm_eps"),
    ],
)
def test_a_config_that_cannot_be_built_is_refused(tiny: Path, changes: dict[str, Any], message: str) -> None:
    _configure(tiny, **changes)
    with pytest.raises(Refused, match=message):
        files.built(tiny, RECIPE)


@pytest.mark.parametrize("config", [b"", b"[" * 100_000, b"\xff\xfe", b"[]", b"{" + b" " * 5_000_000 + b"}"])
def test_a_hostile_config_is_refused(tiny: Path, config: bytes) -> None:
    (tiny / "config.json").write_bytes(config)
    with pytest.raises(Refused, match=r"config\.json"):
        files.built(tiny, RECIPE)


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2) + b"{]",
        struct.pack("<Q", 90)
        + b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'.ljust(90),
    ],
)
def test_hostile_weights_are_refused(tiny: Path, weights: bytes) -> None:
    (tiny / "model.safetensors").write_bytes(weights)
    with pytest.raises(Refused, match=r"model\.safetensors"):
        files.built(tiny, RECIPE)


def test_a_pickle_that_calls_is_not_called(tmp_path: Path) -> None:
    import pickle
    import zipfile

    folder, ran = tiny_models.m3(tmp_path / "m3"), tmp_path / "ran"

    class Call:
        def __reduce__(self) -> Any:
            return Path.touch, (ran,)

    with zipfile.ZipFile(folder / "sparse_linear.pt", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"weight": Call()}))
    with pytest.raises(Refused, match=r"sparse_linear\.pt cannot be read"):
        files.built(folder, Recipe(64, 32, pooling="cls", sparse=True))
    assert not ran.exists()


def test_the_builders_refusal_reaches_the_caller_typed(tiny: Path, tmp_path: Path) -> None:
    _configure(tiny, model_type="qwen3")
    with pytest.raises(Unavailable, match="LOREKEEP_BACKEND=torch") as error:
        graph_cache.graph_of(tiny_models.spec_of(tiny), tiny, str(tmp_path))
    assert error.value.reason == "model_unsupported"


def test_a_new_graph_takes_the_place_of_the_old_one(tiny: Path, tmp_path: Path) -> None:
    spec = tiny_models.spec_of(tiny)
    graphs = [graph_cache.graph_of(spec, tiny, str(tmp_path), Recipe.of(spec))]
    _configure(tiny, layer_norm_eps=1e-6)
    graphs.append(graph_cache.graph_of(spec, tiny, str(tmp_path), Recipe.of(spec)))
    assert graphs[0] != graphs[1]
    assert set(graphs[1].parent.iterdir()) == {graphs[1], graphs[1].with_suffix(".data")}


def _plan(**environ: str) -> choice.Plan:
    return choice.planned(load(EmbedderSettings, "embedder", {"LOREKEEP_EMBEDDER_TOKEN": "t", **environ}))


def test_a_precision_that_this_machine_lacks_names_those_that_it_has(
    spec: ModelSpec, folder: Path, models_path: Path
) -> None:
    plan = _plan(LOREKEEP_DEVICE="cpu", DEFAULT_QUANTIZATION="float16")
    with pytest.raises(Unavailable, match=r"LOREKEEP_PRECISION to one of .*float32.*, or auto") as error:
        choice.opened(plan, spec, folder, str(models_path))
    assert error.value.reason == "precision_missing"


@pytest.mark.parametrize(
    ("message", "backend", "device", "precision", "compiled"),
    [
        ("onnxruntime does not compute in float16; .* float32, int8, or", "onnxruntime", "auto", "float16", "false"),
        ("openvino does not compute in int8; .* bfloat16, float32, or", "openvino", "auto", "int8", "false"),
        ("torch does not compute in int8", "torch", "auto", "int8", "false"),
        ("torch does not compute in int8", "auto", "cuda", "int8", "false"),
        ("openvino computes on the CPU alone", "openvino", "cuda", "auto", "false"),
        ("LOREKEEP_COMPILE is for the backend torch", "onnxruntime", "auto", "auto", "true"),
    ],
)
def test_what_no_machine_computes_stops_the_start(
    message: str, backend: str, device: str, precision: str, compiled: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        _plan(LOREKEEP_BACKEND=backend, LOREKEEP_DEVICE=device, LOREKEEP_PRECISION=precision, LOREKEEP_COMPILE=compiled)


def test_int8_is_computed_where_it_is_named(tiny: Path, tmp_path: Path) -> None:
    plan = _plan(LOREKEEP_BACKEND="auto", LOREKEEP_PRECISION="int8", LOREKEEP_SESSIONS="1")
    backend = choice.opened(plan, tiny_models.spec_of(tiny), tiny, str(tmp_path))
    assert (backend.name, backend.precision) == ("onnxruntime", "int8")


def test_a_plan_names_the_default_first_and_int8_never_by_itself() -> None:
    assert choice.precisions(_plan(LOREKEEP_BACKEND="onnxruntime")) == ("float32", "int8")
    default = "bfloat16" if cores.has_bfloat16() else "float32"
    assert choice.precisions(_plan(LOREKEEP_BACKEND="openvino"))[0] == default


@pytest.mark.parametrize(("flags", "has"), [("sse avx512_bf16", True), ("sse amx_bf16", True), ("avx512f", False)])
def test_bfloat16_is_told_by_the_processors_flags(tmp_path: Path, flags: str, has: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert cores.has_bfloat16(tmp_path / "cpuinfo") == has
    assert not cores.has_bfloat16(tmp_path / "absent")
