"""What every backend promises, asked of each; the oracle is sentence-transformers' own encode."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from lorekeep_embedder.backends.seam import Backend, Tokens, Vectors
from lorekeep_embedder.registry import ModelSpec
from lorekeep_embedder.tokenizer import Tokenizer
from tests.embedder.contract import assert_kept

TEXTS = [
    "x",
    "How do I reset my password?",
    "The mitochondria is the powerhouse of the cell.",
    "Größenwahn, façade, naïve, Übermut: accents are stripped by this tokenizer.",
    "機械学習は、データから規則性を学ぶ手法の総称である。",
    "向量检索把文本变成数字,再比较它们的距离。",
    "Привет, мир! Как дела?",
    "مرحبا بالعالم",
    "🙂🚀 emoji only 🎉",
    "SELECT id, name FROM users WHERE created_at > now() - interval '1 day';",
    "zero\u200bwidth and a tab\tand\r\nlines",
    "a" * 300,
    "1 2 3 4 5 6 7 8 9 " * 10,
    "Supercalifragilisticexpialidocious antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "A longer passage about gardens, soil and the weather, with many plain words. " * 8,
    "Far beyond the window: every word after two hundred and fifty-six tokens is cut away. " * 60,
]


@pytest.fixture(scope="module")
def expected(folder: Path) -> Vectors:
    oracle = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    vectors: Vectors = oracle.encode(TEXTS, normalize_embeddings=True)
    return vectors


@pytest.fixture(scope="module")
def tokens(tokenizer: Tokenizer) -> list[Tokens]:
    return tokenizer.tokenised(TEXTS, truncate=True).texts


def test_vectors_are_those_of_the_oracle(backend: Backend, tokens: list[Tokens], expected: Vectors) -> None:
    vectors = backend.compute(tokens).vectors
    assert np.sum(vectors * expected, axis=1).min() >= 0.9999


def test_vectors_are_float32_of_length_one(backend: Backend, spec: ModelSpec, tokens: list[Tokens]) -> None:
    vectors = backend.compute(tokens).vectors
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), spec.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_vector_does_not_depend_on_its_batch_mates(backend: Backend, tokens: list[Tokens]) -> None:
    together = backend.compute(tokens).vectors
    alone = np.concatenate([backend.compute([each]).vectors for each in tokens])
    assert np.abs(together - alone).max() < 1e-5


def test_sessions_run_side_by_side_and_do_not_mix(backend: Backend, tokens: list[Tokens]) -> None:
    halves: Sequence[list[Tokens]] = [tokens[:8], tokens[8:]] * 4
    apart = [backend.compute(half).vectors for half in halves[:2]]
    with ThreadPoolExecutor(2) as threads:
        for place, outputs in enumerate(threads.map(backend.compute, halves)):
            assert np.abs(outputs.vectors - apart[place % 2]).max() < 1e-5


def test_the_window_is_reached_by_the_texts_of_this_suite(spec: ModelSpec, tokens: list[Tokens]) -> None:
    assert max(map(len, tokens)) == spec.window_tokens


def test_the_contract_that_the_fake_backend_keeps_is_kept(backend: Backend, tokens: list[Tokens]) -> None:
    assert_kept(backend, tokens)
