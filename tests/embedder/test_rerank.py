"""Reranking through the scheduler, the pairs computed by transformers' own model; the oracle is CrossEncoder."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis import calls
from lorekeep_chassis.errors import NotFound
from lorekeep_embedder.backends.seam import Outputs, Tokens, padded
from lorekeep_embedder.models.loaded_model import LoadedModel
from lorekeep_embedder.models.model_files import ModelFiles
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.models.shelf import Shelf
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.servicer import EmbedderServicer
from lorekeep_embedder.texts.tokenizer import Tokenizer
from tests.embedder import tiny_models
from tests.embedder.processes import CALLER

QUERY = "how do I reset my password?"
TEXTS = [
    "the garden",
    "reset the password in the cell",
    "soil and weather " * 40,
    "x",
    "[SEP] my password",
    "how? " * 9,
]


class CrossEncoderBackend:
    """transformers' own classifier, fed with our ids and types."""

    name, precision, device, memory_bytes, batch_tokens, room_tokens = "transformers", "float32", "cpu", 1, 256, 65_536

    def __init__(self, oracle: CrossEncoder) -> None:
        self._model: Any = oracle.model

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        ids, mask, types = (torch.from_numpy(each).long() for each in padded(batch))
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits
        return Outputs(torch.sigmoid(logits).numpy())

    def close(self) -> None:
        """Holds nothing."""


class OneReranker:
    """A source of one model, whose files are here."""

    precisions = ("float32",)

    def __init__(self, spec: ModelSpec, folder: Path, oracle: CrossEncoder, scheduler: Scheduler) -> None:
        self._files = ModelFiles(spec, folder, from_package=False)
        self._oracle = oracle
        self._scheduler = scheduler

    def specs(self) -> Sequence[ModelSpec]:
        return [self._files.spec]

    def spec(self, name: str) -> ModelSpec | None:
        return self._files.spec if name == self._files.spec.name else None

    def found(self, spec: ModelSpec) -> ModelFiles:
        return self._files

    def opened(self, spec: ModelSpec, precision: str) -> LoadedModel:
        tokenizer = Tokenizer(spec, self._files.folder)
        return LoadedModel(spec, tokenizer, CrossEncoderBackend(self._oracle), self._scheduler)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def oracle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CrossEncoder]:
    folder = tiny_models.cross_encoder(tmp_path_factory.mktemp(request.param) / "tiny-reranker", request.param)
    return folder, CrossEncoder(str(folder), device="cpu", max_length=tiny_models.WINDOW_TOKENS)


@asynccontextmanager
async def serving(folder: Path, oracle: CrossEncoder, rerank_model: str = "") -> AsyncIterator[EmbedderServicer]:
    spec = tiny_models.spec_of(folder, kind="reranker", dimensions=1, distance="")
    scheduler = Scheduler(1)
    running = asyncio.create_task(scheduler.run())
    shelf = Shelf(OneReranker(spec, folder, oracle, scheduler), "no-embedder")
    try:
        with calls.calling_as(CALLER), calls.deadline(60):
            yield EmbedderServicer(shelf, rerank_model)
    finally:
        running.cancel()


def asked(**fields: Any) -> embedder_pb2.RerankRequest:
    return embedder_pb2.RerankRequest(**{"query": QUERY, "texts": TEXTS, "truncate": True, **fields})


async def test_scores_are_those_of_the_cross_encoder_in_the_order_given(oracle: tuple[Path, CrossEncoder]) -> None:
    async with serving(*oracle) as servicer:
        answer = await servicer.Rerank(asked(), None)
    wanted = oracle[1].predict([(QUERY, text) for text in TEXTS])
    scores = np.frombuffer(answer.scores, "<f4")
    assert np.abs(scores - wanted).max() < 1e-5
    assert len(set(np.round(scores, 4))) > 1
    assert (answer.truncated_count, answer.model.kind) == (1, embedder_pb2.MODEL_KIND_RERANKER)
    read = oracle[1].tokenizer([QUERY] * len(TEXTS), TEXTS, truncation="only_second", max_length=64)["input_ids"]
    assert answer.token_count == sum(map(len, read))


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("blank_text", "query", {"query": " \n"}),
    ("blank_text", "texts[1]", {"texts": ["x", ""]}),
    ("no_texts", "texts", {"texts": []}),
    ("too_many_texts", "texts", {"texts": ["x"] * 1025}),
    ("too_large", "texts", {"query": "x" * 3_000_000, "texts": ["x" * 1_500_000]}),
    ("text_too_long", "texts[2]", {"truncate": False}),
    ("query_too_long", "query", {"query": "password " * 60}),
]


@pytest.mark.parametrize(("reason", "field", "fields"), REFUSED, ids=[f"{each[0]}-{each[1]}" for each in REFUSED])
async def test_what_breaks_the_contract_is_refused_by_name(
    oracle: tuple[Path, CrossEncoder], reason: str, field: str, fields: dict[str, Any]
) -> None:
    async with serving(*oracle) as servicer:
        with pytest.raises(Exception) as error:
            await servicer.Rerank(asked(**fields), None)
        assert (error.value.reason, error.value.field) == (reason, field)  # type: ignore[attr-defined]
        assert len((await servicer.Rerank(asked(), None)).scores) == 4 * len(TEXTS)


async def test_a_model_of_the_other_kind_is_not_found(oracle: tuple[Path, CrossEncoder]) -> None:
    async with serving(*oracle) as servicer:
        request = embedder_pb2.EmbedRequest(model=oracle[0].name, texts=["x"], purpose=embedder_pb2.PURPOSE_QUERY)
        with pytest.raises(NotFound, match="no embedder of that name"):
            await servicer.Embed(request, None)
        with pytest.raises(NotFound, match="no reranker of that name; it has tiny-reranker"):
            await servicer.Rerank(asked(model="all-MiniLM-L6-v2"), None)


async def test_reranking_can_be_turned_off(oracle: tuple[Path, CrossEncoder]) -> None:
    async with serving(*oracle, rerank_model="off") as servicer:
        with pytest.raises(NotFound) as error:
            await servicer.Rerank(asked(), None)
    assert error.value.reason == "reranker_missing"
