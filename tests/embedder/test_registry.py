"""What is known of models, what an operator may add, and the fingerprint that keeps vectors apart."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from lorekeep_chassis.settings import SettingsError, load
from lorekeep_embedder.models import model_table, registry
from lorekeep_embedder.models.registry import ModelSpec, RegistryError
from lorekeep_embedder.settings import EmbedderSettings

OWN = {"name": "house-model", "dimensions": 16, "window_tokens": 64}


def _written(folder: Path, *entries: object) -> str:
    (folder / "models.yaml").write_text(yaml.safe_dump({"models": list(entries)}))
    return str(folder)


@pytest.mark.parametrize(
    ("name", "dimensions", "window_tokens", "pooling", "distance"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", 384, 256, "mean", "cosine"),
        ("all-mpnet-base-v2", 768, 384, "mean", "cosine"),
        ("multi-qa-mpnet-base-dot-v1", 768, 512, "cls", "dot"),
        ("BAAI/bge-small-en-v1.5", 384, 512, "cls", "cosine"),
        ("bge-base-en-v1.5", 768, 512, "cls", "cosine"),
        ("bge-large-en-v1.5", 1024, 512, "cls", "cosine"),
        ("BAAI/bge-m3", 1024, 8192, "cls", "cosine"),
        ("Qwen/Qwen3-Embedding-0.6B", 1024, 8192, "last", "cosine"),
        ("cross-encoder/ms-marco-MiniLM-L-6-v2", 1, 512, "cls", ""),
        ("ms-marco-MiniLM-L6-v2", 1, 512, "cls", ""),
        ("BAAI/bge-reranker-base", 1, 512, "cls", ""),
    ],
)
def test_the_guides_models_are_found_by_the_names_they_use(
    name: str, dimensions: int, window_tokens: int, pooling: str, distance: str
) -> None:
    spec = registry.find(registry.load(), name)
    assert spec is not None
    assert (spec.dimensions, spec.window_tokens, spec.pooling) == (dimensions, window_tokens, pooling)
    assert (spec.distance, spec.normalise) == (distance, distance == "cosine")


def test_every_model_has_a_commit_and_all_but_one_a_hash() -> None:
    models = registry.load().values()
    assert all(spec.repository and spec.revision for spec in models)
    assert [spec.name for spec in models if not spec.weights_sha256] == ["multi-qa-mpnet-base-dot-v1"]
    assert next(iter(models)).name == "all-MiniLM-L6-v2"
    assert next(spec.name for spec in models if spec.kind == "reranker") == "ms-marco-MiniLM-L-6-v2"


def test_a_name_of_another_owner_is_not_taken_for_ours() -> None:
    assert registry.find(registry.load(), "someone/bge-m3") is None


def test_a_fingerprint_stays_what_it_was(spec: ModelSpec) -> None:
    """Every index carries one: where this fails, all that was indexed would have to be embedded again."""
    made = spec.fingerprint("be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", "float32")
    assert made == "70ad94a29f1c16bccc7b476b9bbd85466ca226f9bfe1a7e0b139d5f3c418603c"


def test_a_fingerprint_tells_all_apart_that_moves_a_vector(spec: ModelSpec) -> None:
    base = dataclasses.replace(spec, package="", licence="", speed="", use_case="", revision="c" * 40)
    assert base.fingerprint("t", "float32") == spec.fingerprint("t", "float32")
    others = [
        dataclasses.replace(spec, **changed).fingerprint("t", "float32")
        for changed in (
            {"query_prompt": "q"}, {"passage_prompt": "p"}, {"pooling": "cls"}, {"weights_sha256": "0" * 64},
            {"normalise": False, "distance": "dot"}, {"name": "another"},
        )
    ]  # fmt: skip
    others += [spec.fingerprint("t", "bfloat16"), spec.fingerprint("u", "float32"), spec.fingerprint("t", "float32")]
    assert len(set(others)) == len(others)


def test_without_weights_there_is_no_fingerprint(spec: ModelSpec) -> None:
    with pytest.raises(ValueError, match="no fingerprint"):
        spec.locked("").fingerprint("t", "float32")


def test_an_operators_models_come_after_ours_and_replace_those_of_the_same_name(tmp_path: Path) -> None:
    path = _written(tmp_path, OWN, {**OWN, "name": "bge-m3"})
    models = registry.load(path)
    assert (next(iter(models)), list(models)[-1]) == ("all-MiniLM-L6-v2", "house-model")
    assert models["bge-m3"].dimensions == 16


def test_all_that_is_wrong_is_told_at_once_by_entry_and_field(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        {**OWN, "pooling": "max", "colour": "red"},
        {"name": "../evil", "dimensions": 0, "window_tokens": 64},
        "words",
        {**OWN, "name": "graphs"},
        {**OWN, "name": "half", "repository": "a/b"},
        {**OWN, "name": "tall", "matryoshka_dimensions": [32, 8]},
        {**OWN, "name": "odd", "normalise": False},
    )
    with pytest.raises(RegistryError) as error:
        registry.load(path)
    lines = str(error.value).splitlines()
    expected = [
        f"{path}/models.yaml cannot be used:", "entry 1 (house-model): pooling:", "entry 1 (house-model): colour:",
        "entry 2 (../evil): name:", "entry 2 (../evil): dimensions:", "entry 3:", "entry 4 (graphs): name:",
        "entry 5 (half): revision:", "entry 6 (tall): matryoshka_dimensions:", "entry 7 (odd): normalise:",
    ]  # fmt: skip
    assert [any(line.strip().startswith(start) for line in lines) for start in expected] == [True] * len(expected)


@pytest.mark.parametrize("text", ["models: [", "- a list", "models: 5", "\x00"])
def test_a_file_that_is_no_list_of_models_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "models.yaml").write_text(text)
    with pytest.raises(RegistryError, match=r"models\.yaml"):
        registry.load(str(tmp_path))


def test_a_model_may_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="house-model is there twice"):
        registry.load(_written(tmp_path, OWN, OWN))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"EMBEDDING_DIMENSIONS": "768"}, r"EMBEDDING_DIMENSIONS: .*makes 384 numbers a vector, not 768"),
        ({"DEFAULT_EMBEDDING_MODEL": "ms-marco-MiniLM-L-6-v2"}, "EMBEDDING_MODEL: .*no such model"),
        ({"LOREKEEP_MODELS_PATH": "BROKEN"}, r"MODELS_PATH: .*entry 1 \(house-model\): pooling"),
    ],
)
def test_settings_that_no_model_fits_stop_the_start(tmp_path: Path, given: dict[str, str], said: str) -> None:
    broken = _written(tmp_path, {**OWN, "pooling": "max"})
    environ = {name: broken if value == "BROKEN" else value for name, value in given.items()}
    with pytest.raises(SettingsError) as error:
        load(EmbedderSettings, "embedder", {"LOREKEEP_EMBEDDER_TOKEN": "t", **environ})
    assert re.search(said, str(error.value).replace("\n", " "))


def test_settings_take_the_guides_names(tmp_path: Path) -> None:
    environ = {"LOREKEEP_EMBEDDER_TOKEN": "t", "DEFAULT_EMBEDDING_MODEL": "BAAI/bge-base-en-v1.5"}
    settings = load(EmbedderSettings, "embedder", {**environ, "EMBEDDING_DIMENSIONS": "768"})
    assert (settings.embedding_model, settings.embedding_dimensions) == ("bge-base-en-v1.5", 768)


def test_the_page_of_models_is_current() -> None:
    page = (Path(__file__).parents[2] / "docs/models.md").read_text(encoding="utf-8")
    assert model_table.renewed(page) == page, "run `make docs`"
    assert page.count("\n| [") == len(registry.load())
