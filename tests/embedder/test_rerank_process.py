"""A running embedder with a reranker in its models path, loaded by its first use; the oracle is CrossEncoder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import CrossEncoder

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls, client_calls, errors
from lorekeep_embedder import cores
from tests.embedder import tiny_models
from tests.embedder.processes import CALLER, EmbedderProcess, embed, running, stub_of

QUERY = "how do I reset my password?"
TEXTS = ["the garden", "reset the password in the cell", "soil and weather " * 40, "x", "my [SEP] password"] * 10
# bfloat16 holds no number between 0.5 and 1 closer than 0.004.
CLOSE = {"float32": 1e-5, "bfloat16": 1e-2}
ENTRY = """
models:
  - name: tiny-reranker
    kind: reranker
    dimensions: 1
    window_tokens: 64
    pooling: cls
    normalise: false
    distance: ""
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    (root / "models.yaml").write_text(ENTRY)
    return tiny_models.cross_encoder(root / "tiny-reranker")


@pytest.fixture(
    scope="module",
    params=[("torch", "float32"), ("onnxruntime", "float32"), ("openvino", "float32"), ("openvino", "bfloat16")],
    ids=" ".join,
)
def process(folder: Path, request: pytest.FixtureRequest) -> Iterator[EmbedderProcess]:
    backend, precision = request.param
    if precision == "bfloat16" and not cores.has_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    settings = {"LOREKEEP_BACKEND": backend, "LOREKEEP_DEVICE": "cpu", "LOREKEEP_PRECISION": precision}
    with running(folder.parent, LOREKEEP_SESSIONS="2", **settings) as process:
        process.wait_until_ready()
        yield process


async def reranked(stub: Any, **fields: Any) -> embedder_pb2.RerankResponse:
    request = embedder_pb2.RerankRequest(**{"query": QUERY, "texts": TEXTS, "truncate": True, **fields})
    with calls.calling_as(CALLER):
        async with client_calls.translated():
            answer: embedder_pb2.RerankResponse = await stub.Rerank(request, timeout=60)
            return answer


async def test_scores_are_those_of_the_cross_encoder(process: EmbedderProcess, folder: Path) -> None:
    oracle = CrossEncoder(str(folder), device="cpu", max_length=tiny_models.WINDOW_TOKENS)
    async with stub_of(process) as stub:
        answer = await reranked(stub)
        named = await reranked(stub, model="tiny-reranker", texts=TEXTS[:5])
    wanted = oracle.predict([(QUERY, text) for text in TEXTS])
    close = CLOSE[answer.model.precision]
    assert np.abs(np.frombuffer(answer.scores, "<f4") - wanted).max() < close
    assert np.abs(np.frombuffer(named.scores, "<f4") - wanted[:5]).max() < close
    assert (answer.truncated_count, answer.model.name) == (10, "tiny-reranker")


async def test_refusals_name_the_text_and_vectors_go_on(process: EmbedderProcess) -> None:
    async with stub_of(process) as stub:
        with pytest.raises(errors.InvalidInput, match="Text 2 has"):
            await reranked(stub, truncate=False)
        with pytest.raises(errors.NotFound):
            await reranked(stub, model="all-MiniLM-L6-v2")
        with pytest.raises(errors.NotFound):
            await embed(stub, ["x"], model="tiny-reranker")
        assert len((await embed(stub, ["x"])).vectors) == 4 * 384


async def test_no_reranker_is_a_reason_and_vectors_go_on(tmp_path: Path) -> None:
    with running(tmp_path, LOREKEEP_SESSIONS="1") as process:
        process.wait_until_ready()
        async with stub_of(process) as stub:
            with pytest.raises(errors.NotFound) as error:
                await reranked(stub)
            assert len((await embed(stub, ["x"])).vectors) == 4 * 384
    assert error.value.reason == "reranker_missing"
