"""Tiny models of every family, pooling and head: each graph gives what sentence-transformers gives."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from transformers import AutoTokenizer
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from lorekeep_embedder.backends.graph_outputs import outputs
from lorekeep_embedder.backends.onnx_runtime import OnnxRuntimeBackend
from lorekeep_embedder.backends.openvino import OpenVinoBackend
from lorekeep_embedder.backends.seam import Backend, SparseVector, Tokens
from lorekeep_embedder.graph import files
from lorekeep_embedder.graph.encoder import buckets
from lorekeep_embedder.graph.recipe import Recipe
from tests.embedder import tiny_models
from tests.embedder.tiny_models import DIMENSIONS, FAMILIES, WINDOW_TOKENS

TEXTS = ["x", "How do I reset my password?", "the garden is in the soil, the weather and the power house " * 2]
PAIRS = [(TEXTS[1], text) for text in TEXTS]


@pytest.fixture(params=["onnxruntime", "openvino"])
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _opened(folder: Path, runtime: str, **recipe: object) -> Backend:
    graph = folder / "graph.onnx"
    files.write(folder, graph, Recipe(WINDOW_TOKENS, DIMENSIONS, **recipe))  # type: ignore[arg-type]
    return (
        OnnxRuntimeBackend(graph) if runtime == "onnxruntime" else OpenVinoBackend(graph, "float32", 1, WINDOW_TOKENS)
    )


def _tokens(folder: Path, texts: Sequence[str] | Sequence[tuple[str, str]]) -> list[Tokens]:
    made = AutoTokenizer.from_pretrained(str(folder))(list(texts), truncation=True, max_length=WINDOW_TOKENS)
    types = made.get("token_type_ids") or [None] * len(texts)
    return [Tokens(ids, kinds) for ids, kinds in zip(made["input_ids"], types, strict=True)]


def _dense(vectors: Sequence[SparseVector], width: int) -> NDArray[np.float32]:
    made = np.zeros((len(vectors), width), np.float32)
    for row, vector in enumerate(vectors):
        assert (np.diff(vector.indices.astype(int)) > 0).all()
        assert (vector.values > 0).all()
        made[row, vector.indices] = vector.values
    return made


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("pooling", "normalise"), [("mean", True), ("cls", False)])
def test_vectors_of_a_family(family: str, pooling: str, normalise: bool, runtime: str, tmp_path: Path) -> None:
    folder = tiny_models.encoder(tmp_path, family, pooling=pooling, normalise=normalise)
    expected = SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(TEXTS)
    backend = _opened(folder, runtime, pooling=pooling, normalise=normalise)
    assert backend.compute(_tokens(folder, TEXTS)).vectors == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_of_a_family(family: str, runtime: str, tmp_path: Path) -> None:
    folder = tiny_models.cross_encoder(tmp_path, family)
    expected = CrossEncoder(str(folder), device="cpu", local_files_only=True).predict(PAIRS)
    backend = _opened(folder, runtime, kind="reranker")
    assert backend.compute(_tokens(folder, PAIRS)).vectors[:, 0] == pytest.approx(expected, abs=1e-5)
    assert np.ptp(expected) > 1e-3


@pytest.mark.parametrize(
    ("family", "activation"), [("bert", "relu"), ("distilbert", "log1p_relu"), ("roberta", "relu")]
)
def test_term_weights_are_splades(family: str, activation: str, runtime: str, tmp_path: Path) -> None:
    folder = tiny_models.splade(tmp_path, family, activation=activation)
    oracle = SparseEncoder(str(folder), device="cpu", local_files_only=True)
    expected = oracle.encode(TEXTS, convert_to_sparse_tensor=False).numpy()
    sparse = _opened(folder, runtime, sparse=True).compute(_tokens(folder, TEXTS)).sparse
    assert _dense(sparse, expected.shape[1]) == pytest.approx(expected, abs=2e-5)


def test_term_weights_of_a_text_of_one_model_with_vectors(runtime: str, tmp_path: Path) -> None:
    """bge-m3's own way, written out: relu of a linear layer, a term's largest, without special tokens."""
    folder = tiny_models.m3(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    layer = torch.nn.Linear(DIMENSIONS, 1)
    layer.requires_grad_(False).load_state_dict(torch.load(folder / "sparse_linear.pt"))
    oracle = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    expected = np.zeros((len(TEXTS), len(tokenizer)), np.float32)
    for row, states in enumerate(oracle.encode(TEXTS, output_value="token_embeddings")):
        ids = tokenizer(TEXTS[row], truncation=True, max_length=WINDOW_TOKENS)["input_ids"]
        for token, weight in zip(ids, torch.relu(layer(states.clone())).flatten().tolist(), strict=True):
            if token not in tokenizer.all_special_ids:
                expected[row, token] = max(expected[row, token], weight)
    made = _opened(folder, runtime, pooling="cls", sparse=True).compute(_tokens(folder, TEXTS))
    assert made.vectors == pytest.approx(oracle.encode(TEXTS), abs=2e-5)
    assert _dense(made.sparse, len(tokenizer)) == pytest.approx(expected, abs=2e-5)
    assert expected.max() > 0.1


def test_mpnets_distances_fall_into_its_buckets() -> None:
    distances = np.arange(-600, 601)
    expected = MPNetEncoder.relative_position_bucket(torch.from_numpy(distances)).numpy()
    assert (buckets(distances) == expected).all()


def test_a_terms_largest_weight_counts() -> None:
    named = {"vectors": np.zeros((1, 1), np.float32), "token_weights": np.array([[0, 2, 1, 3, 9]], np.float32)}
    (made,) = outputs([Tokens([0, 7, 5, 7])], named).sparse
    assert (made.indices.tolist(), made.values.tolist()) == ([5, 7], [1.0, 3.0])
