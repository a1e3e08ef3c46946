"""Fewer numbers a vector, sparse vectors, and answers that would not fit a message."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.errors import InvalidInput, LorekeepError, TooLarge
from lorekeep_embedder.answering import answer_size
from lorekeep_embedder.answering.embed_answer import embed_answer
from lorekeep_embedder.answering.embed_request import texts_of
from lorekeep_embedder.backends.seam import Outputs, SparseVector, Tokens
from lorekeep_embedder.models import registry
from lorekeep_embedder.models.loaded_model import Computed
from lorekeep_embedder.models.registry import ModelSpec

SPEC = dataclasses.replace(
    next(iter(registry.load().values())), dimensions=8, matryoshka_dimensions=(8, 4, 2), sparse=True
)
VECTORS = np.array([[3, 4, 0, 0, 0, 0, 0, 12], [0, 0, 1, 0, 0, 0, 0, 0]], np.float32)


class Model:
    """As much of a loaded model as an answer needs."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.description = embedder_pb2.Model(name="m", fingerprint="f", dimensions=spec.dimensions)


def asked(**fields: Any) -> embedder_pb2.EmbedRequest:
    return embedder_pb2.EmbedRequest(**{"texts": ["a", "b"], "purpose": embedder_pb2.PURPOSE_PASSAGE, **fields})


def answered(spec: ModelSpec, outputs: Outputs, **fields: Any) -> embedder_pb2.EmbedResponse:
    return embed_answer(asked(**fields), Model(spec), Computed(outputs, [2, 3], frozenset()))  # type: ignore[arg-type]


def test_cut_vectors_are_of_length_one_again_where_they_are_compared_by_cosine() -> None:
    answer = answered(SPEC, Outputs(VECTORS), dimensions=2)
    assert np.frombuffer(answer.vectors, "<f4").reshape(2, 2) == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))
    assert (answer.model.dimensions, answer.model.fingerprint) == (2, "f")
    dot = dataclasses.replace(SPEC, distance="dot")
    assert np.frombuffer(answered(dot, Outputs(VECTORS), dimensions=2).vectors, "<f4").tolist() == [3, 4, 0, 0]


def test_whole_vectors_are_as_the_model_made_them() -> None:
    answer = answered(SPEC, Outputs(VECTORS))
    assert (answer.vectors, answer.model.dimensions) == (VECTORS.tobytes(), 8)


def test_sparse_vectors_are_there_when_asked_for() -> None:
    sparse = [
        SparseVector(np.array([7, 300], np.uint32), np.array([0.5, 2], np.float32)),
        SparseVector(np.array([], np.uint32), np.array([], np.float32)),
    ]
    answer = answered(SPEC, Outputs(VECTORS, sparse), sparse=True)
    assert [np.frombuffer(each.indices, "<u4").tolist() for each in answer.sparse] == [[7, 300], []]
    assert [np.frombuffer(each.values, "<f4").tolist() for each in answer.sparse] == [[0.5, 2.0], []]
    assert not answered(SPEC, Outputs(VECTORS, sparse)).sparse


PLAIN = dataclasses.replace(SPEC, sparse=False, matryoshka_dimensions=())
REFUSED: list[tuple[str, str, ModelSpec, dict[str, Any]]] = [
    ("dimensions_not_offered", "Ask for 8, 4, 2", SPEC, {"dimensions": 3}),
    ("dimensions_not_offered", "Ask for 8", PLAIN, {"dimensions": 4}),
    ("sparse_not_offered", "no sparse vectors", PLAIN, {"sparse": True}),
    ("answer_too_large", "at most 255", dataclasses.replace(SPEC, dimensions=4096 + 16), {"texts": ["x"] * 256}),
]


@pytest.mark.parametrize(("reason", "advice", "spec", "fields"), REFUSED)
def test_what_a_model_does_not_offer_is_refused_with_what_it_does(
    reason: str, advice: str, spec: ModelSpec, fields: dict[str, Any]
) -> None:
    with pytest.raises(LorekeepError, match=advice) as error:
        texts_of(asked(**fields), spec)
    assert error.value.reason == reason


def test_as_many_numbers_as_a_message_holds_are_not_refused() -> None:
    assert len(texts_of(asked(texts=["x"] * 1024), dataclasses.replace(SPEC, dimensions=1024))) == 1024
    with pytest.raises(InvalidInput):
        texts_of(asked(purpose=7), SPEC)


def test_sparse_vectors_that_may_not_fit_are_refused_with_how_many_would() -> None:
    texts = [Tokens(range(1000))] * 600
    with pytest.raises(TooLarge, match="at most 346 like these") as error:
        answer_size.check_sparse(texts, 1024)
    assert error.value.reason == "answer_too_large"
    answer_size.check_sparse(texts[:346], 1024)
    # The same token over and over is one term.
    answer_size.check_sparse([Tokens([7] * 8000)] * 1000, 1000)
