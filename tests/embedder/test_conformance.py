"""What every backend promises, asked of each; the oracle is sentence-transformers' own encode."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from lorekeep_embedder.backends.seam import Backend, Tokens, Vectors
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.texts.tokenizer import Tokenizer
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

# By precision: the least cosine to the oracle, and how far a number may move with the texts of its batch.
COSINE = {"float32": 0.99999, "bfloat16": 0.9999}
BATCH_MATES = {"float32": 1e-6, "bfloat16": 2e-3}
JUDGED = Path(os.environ.get("LOREKEEP_TEST_DATA", "/nowhere")) / "ir" / "scifact-mini"


@pytest.fixture(scope="module")
def oracle(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def expected(oracle: SentenceTransformer) -> Vectors:
    vectors: Vectors = oracle.encode(TEXTS, normalize_embeddings=True)
    return vectors


@pytest.fixture(scope="module")
def tokens(tokenizer: Tokenizer) -> list[Tokens]:
    return tokenizer.tokenised(TEXTS, truncate=True).texts


def test_vectors_are_those_of_the_oracle(backend: Backend, tokens: list[Tokens], expected: Vectors) -> None:
    vectors = backend.compute(tokens).vectors
    assert np.sum(vectors * expected, axis=1).min() >= COSINE[backend.precision]


def test_vectors_are_float32_of_length_one(backend: Backend, spec: ModelSpec, tokens: list[Tokens]) -> None:
    vectors = backend.compute(tokens).vectors
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), spec.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_vector_does_not_depend_on_its_batch_mates(backend: Backend, tokens: list[Tokens]) -> None:
    together = backend.compute(tokens).vectors
    alone = np.concatenate([backend.compute([each]).vectors for each in tokens])
    assert np.abs(together - alone).max() <= BATCH_MATES[backend.precision]


def test_sessions_run_side_by_side_and_do_not_mix(backend: Backend, tokens: list[Tokens]) -> None:
    halves: Sequence[list[Tokens]] = [tokens[:8], tokens[8:]] * 4
    apart = [backend.compute(half).vectors for half in halves[:2]]
    with ThreadPoolExecutor(2) as threads:
        for place, outputs in enumerate(threads.map(backend.compute, halves)):
            assert np.abs(outputs.vectors - apart[place % 2]).max() <= BATCH_MATES[backend.precision]


def test_the_window_is_reached_by_the_texts_of_this_suite(spec: ModelSpec, tokens: list[Tokens]) -> None:
    assert max(map(len, tokens)) == spec.window_tokens


def test_the_contract_that_the_fake_backend_keeps_is_kept(backend: Backend, tokens: list[Tokens]) -> None:
    assert_kept(backend, tokens)


@pytest.fixture(scope="module")
def judged() -> tuple[list[str], list[str]]:
    """Some texts and all queries of the judged collection."""
    if not JUDGED.is_dir():
        pytest.skip("LOREKEEP_TEST_DATA has no judged collection")
    texts = [json.loads(line) for line in (JUDGED / "corpus.jsonl").read_text().splitlines()[:200]]
    queries = [json.loads(line)["text"] for line in (JUDGED / "queries.jsonl").read_text().splitlines()[:60]]
    return [f"{each['title']} {each['text']}"[:300] for each in texts], queries


@pytest.fixture(scope="module")
def expected_top(oracle: SentenceTransformer, judged: tuple[list[str], list[str]]) -> list[set[int]]:
    texts, queries = (oracle.encode(each, normalize_embeddings=True) for each in judged)
    return _top(queries @ texts.T)


def test_the_ten_nearest_are_those_of_the_oracle(
    backend: Backend, tokenizer: Tokenizer, judged: tuple[list[str], list[str]], expected_top: list[set[int]]
) -> None:
    texts, queries = (_embedded(backend, tokenizer, each) for each in judged)
    kept = [len(made & expected) for made, expected in zip(_top(queries @ texts.T), expected_top, strict=True)]
    assert sum(kept) / (10 * len(kept)) >= 0.99


def _embedded(backend: Backend, tokenizer: Tokenizer, texts: list[str]) -> Vectors:
    tokens = sorted(enumerate(tokenizer.tokenised(texts, truncate=True).texts), key=lambda each: len(each[1]))
    made: Vectors = np.zeros((len(texts), 384), np.float32)
    for start in range(0, len(tokens), 4):
        places, batch = zip(*tokens[start : start + 4], strict=True)
        made[list(places)] = backend.compute(batch).vectors
    return made


def _top(scores: Vectors) -> list[set[int]]:
    return [set(row.tolist()) for row in np.argsort(-scores, axis=1)[:, :10]]
