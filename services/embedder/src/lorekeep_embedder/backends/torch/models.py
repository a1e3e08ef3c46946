"""Models of sentence-transformers, fed with our own token ids: what goes in, and what comes out of each kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder.backends.seam import Outputs, SparseVector
from lorekeep_embedder.backends.torch.devices import Device
from lorekeep_embedder.models.registry import ModelSpec

_POOLINGS = {"mean": "mean", "cls": "cls", "last": "lasttoken"}
_SPARSE_HEAD = "sparse_linear.pt"
Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Form:
    """What the registry says of a model: `kind` embedder or reranker, `pooling` mean, cls or last."""

    kind: str = "embedder"
    pooling: str = "mean"
    normalise: bool = True
    sparse: bool = False

    @classmethod
    def of(cls, spec: ModelSpec) -> "Form":
        """The form of a registry's entry."""
        return cls(spec.kind, spec.pooling, spec.normalise, spec.sparse)


class Model(Protocol):
    """A loaded model."""

    modules: Any

    def forward(self, features: dict[str, Any]) -> tuple[Any, ...]:
        """What is made of a padded batch, on its device."""

    def outputs(self, arrays: Arrays, ids: NDArray[np.int64]) -> Outputs:
        """The same once it is here; `ids` are those of the batch."""


def loaded(folder: Path, form: Form, device: Device, dtype: Any) -> Model:
    """The model in `folder`, by safetensors alone and without any code of its own. Unavailable where it cannot be."""
    _refuse_pickles(folder)

    def of(kind: Callable[..., Any]) -> Any:
        return kind(
            str(folder),
            device=device.name,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        ).eval()

    if form.kind == "reranker":
        return Reranker(of(CrossEncoder))
    if not form.sparse:
        return DenseEncoder(of(SentenceTransformer), form, folder)
    if (folder / _SPARSE_HEAD).is_file():
        return DenseAndSparseEncoder(of(SentenceTransformer), form, folder)
    return SpladeEncoder(of(SparseEncoder))


class DenseEncoder:
    """A vector a text. Normalising is done here, in float32, whatever the model computes in."""

    def __init__(self, modules: Any, form: Form, folder: Path) -> None:
        self.modules = modules
        self._form = form
        self._steps = [module for module in modules if not isinstance(module, Normalize)]
        _keep_pooling(self._steps, form.pooling, named=(folder / "modules.json").is_file())

    def forward(self, features: dict[str, Any]) -> tuple[Any, ...]:
        """See Model: the vectors, texts x dimensions."""
        for step in self._steps:
            features = step(features)
        vectors = features["sentence_embedding"].float()
        return (torch.nn.functional.normalize(vectors, dim=1) if self._form.normalise else vectors,)

    def outputs(self, arrays: Arrays, ids: NDArray[np.int64]) -> Outputs:
        """See Model."""
        return Outputs(arrays[0])


class DenseAndSparseEncoder(DenseEncoder):
    """bge-m3: a vector a text, and from the same hidden states a weight for each of its tokens."""

    def __init__(self, modules: Any, form: Form, folder: Path) -> None:
        super().__init__(modules, form, folder)
        state = torch.load(folder / _SPARSE_HEAD, map_location="cpu", weights_only=True)
        transformer = modules[0].model
        self._weight = state["weight"].to(transformer.device, transformer.dtype)
        self._bias = state["bias"].to(transformer.device, transformer.dtype)
        tokenizer = modules.tokenizer
        special = (tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id)
        self._unused = np.array([each for each in special if each is not None], np.int64)

    def forward(self, features: dict[str, Any]) -> tuple[Any, ...]:
        """See Model: vectors, and weights, texts x tokens, which are 0 where there is padding."""
        for step in self._steps:
            features = step(features)
        vectors = features["sentence_embedding"].float()
        weights = torch.nn.functional.linear(features["token_embeddings"], self._weight, self._bias)
        weights = weights.squeeze(-1).float().relu() * features["attention_mask"]
        return (torch.nn.functional.normalize(vectors, dim=1) if self._form.normalise else vectors), weights

    def outputs(self, arrays: Arrays, ids: NDArray[np.int64]) -> Outputs:
        """See Model; a term that stands in a text several times has its greatest weight."""
        vectors, weights = arrays
        kept = np.where(np.isin(ids, self._unused), np.float32(0), weights)
        return Outputs(vectors, [_greatest(*row) for row in zip(ids, kept, strict=True)])


class SpladeEncoder:
    """Weights over the whole vocabulary, and no vector."""

    def __init__(self, modules: Any) -> None:
        self.modules = modules

    def forward(self, features: dict[str, Any]) -> tuple[Any, ...]:
        """See Model: places (text, term) and weights, both by text and term; only what is not 0 is copied."""
        weights = self.modules(features)["sentence_embedding"].float()
        places = weights.nonzero()
        return places, weights[places[:, 0], places[:, 1]]

    def outputs(self, arrays: Arrays, ids: NDArray[np.int64]) -> Outputs:
        """See Model."""
        places, weights = arrays
        bounds = np.searchsorted(places[:, 0], np.arange(1, len(ids)))
        terms = np.split(places[:, 1].astype(np.uint32), bounds), np.split(weights, bounds)
        vectors = np.empty((len(ids), 0), np.float32)
        return Outputs(vectors, [SparseVector(*row) for row in zip(*terms, strict=True)])


class Reranker:
    """A score from 0 to 1 for a pair of texts, whatever activation the model's files name."""

    def __init__(self, modules: Any) -> None:
        if modules.num_labels != 1:
            raise Unavailable(
                f"The reranker has {modules.num_labels} labels, and one score a pair is wanted. Register another.",
                reason="model_unsupported",
            )
        self.modules = modules

    def forward(self, features: dict[str, Any]) -> tuple[Any, ...]:
        """See Model: texts x 1."""
        return (torch.sigmoid(self.modules(features)["scores"].float()).reshape(-1, 1),)

    def outputs(self, arrays: Arrays, ids: NDArray[np.int64]) -> Outputs:
        """See Model."""
        return Outputs(arrays[0])


def _greatest(ids: NDArray[np.int64], weights: NDArray[np.float32]) -> SparseVector:
    order = np.lexsort((-weights, ids))
    terms, first = np.unique(ids[order], return_index=True)
    values = weights[order][first]
    return SparseVector(terms[values > 0].astype(np.uint32), values[values > 0])


def _keep_pooling(steps: Sequence[Any], pooling: str, *, named: bool) -> None:
    """Files that name no modules are pooled as the registry says; others must agree with it."""
    for step in (each for each in steps if isinstance(each, Pooling)):
        if not named:
            step.pooling_mode = _POOLINGS[pooling]
        if step.pooling_mode != _POOLINGS[pooling]:
            raise Unavailable(
                f"The model's files pool by {step.pooling_mode}, its registry entry by {pooling}. Correct the entry, "
                "or fetch the model again.",
                reason="model_unsupported",
            )


def _refuse_pickles(folder: Path) -> None:
    """Wherever sentence-transformers finds no safetensors, it would fall back to a pickle."""
    pickled = [path for path in folder.rglob("pytorch_model*.bin") if not (path.parent / "model.safetensors").is_file()]
    if pickled:
        raise Unavailable(
            f"The model folder has {pickled[0].relative_to(folder)} and no model.safetensors beside it. Pickled "
            "weights can run code and are not read: fetch the model in a revision with safetensors.",
            reason="model_unsupported",
        )
