"""The registry of models: what is known of each, from the package's models.yaml."""

import hashlib
import json
from dataclasses import dataclass
from importlib import resources

import yaml

from lorekeep.embedder.v1 import embedder_pb2

_DISTANCES = {
    "cosine": embedder_pb2.DISTANCE_COSINE,
    "dot": embedder_pb2.DISTANCE_DOT,
    "": embedder_pb2.DISTANCE_UNSPECIFIED,
}
_KINDS = {"embedder": embedder_pb2.MODEL_KIND_EMBEDDER, "reranker": embedder_pb2.MODEL_KIND_RERANKER}


@dataclass(frozen=True)
class ModelSpec:
    """One model. `dimensions` are numbers a vector, `window_tokens` counts special tokens too.

    ValueError where the entry asks for something that no backend computes.
    """

    name: str
    package: str
    weights_sha256: str
    dimensions: int
    window_tokens: int
    pooling: str
    normalise: bool
    distance: str
    query_prompt: str
    passage_prompt: str
    kind: str = "embedder"
    matryoshka_dimensions: tuple[int, ...] = ()
    sparse: bool = False

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"{self.name}: kind is one of {', '.join(_KINDS)}, not {self.kind}")
        if self.kind == "reranker":
            return
        if self.pooling != "mean" or not self.normalise:
            raise ValueError(f"{self.name}: backends pool by mean and normalise, not pooling={self.pooling}")
        if self.distance not in _DISTANCES:
            raise ValueError(f"{self.name}: distance is one of {', '.join(_DISTANCES)}, not {self.distance}")

    @property
    def proto_kind(self) -> embedder_pb2.ModelKind:
        """What it does, as the contract says it."""
        return _KINDS[self.kind]

    @property
    def proto_distance(self) -> embedder_pb2.Distance:
        """How its vectors are compared, as the contract says it."""
        return _DISTANCES[self.distance]

    def prompt(self, purpose: embedder_pb2.Purpose) -> str:
        """What goes in front of a text of that purpose; empty for most models."""
        return self.query_prompt if purpose == embedder_pb2.PURPOSE_QUERY else self.passage_prompt

    def fingerprint(self, tokenizer_fingerprint: str, precision: str) -> str:
        """SHA-256, in hex, over everything that moves a vector: 64 digits.

        The backend is left out on purpose. Every backend passes one conformance suite that holds its vectors to a
        cosine of 0.9999 or more with the same oracle, so two backends of one precision differ by rounding alone, and
        an index that one of them filled can be asked by the other: an operator moves from CPU to GPU without
        embedding anything again. Precision is part of it, since bfloat16 or int8 move vectors by more than that.
        """
        facts = {
            "model": self.name,
            "revision": self.weights_sha256,
            "tokenizer": tokenizer_fingerprint,
            "precision": precision,
            "prompts": [self.query_prompt, self.passage_prompt],
            "pooling": self.pooling,
            "normalise": self.normalise,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def load() -> dict[str, ModelSpec]:
    """The registry by name, the default first."""
    text = resources.files(__package__).joinpath("models.yaml").read_text(encoding="utf-8")
    entries = [ModelSpec(**entry) for entry in yaml.safe_load(text)["models"]]
    return {entry.name: entry for entry in entries}
