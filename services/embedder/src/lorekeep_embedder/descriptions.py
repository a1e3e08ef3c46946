"""A model as the contract describes it."""

from typing import Protocol

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_embedder.registry import ModelSpec


class Runs(Protocol):
    """What a model runs on, or would."""

    @property
    def name(self) -> str:
        """The backend."""

    @property
    def precision(self) -> str:
        """Number format that it computes in."""

    @property
    def device(self) -> str:
        """Where it runs."""


def described(spec: ModelSpec, tokenizer_fingerprint: str, runs: Runs, *, loaded: bool) -> embedder_pb2.Model:
    """The model of a spec whose weights are pinned."""
    return embedder_pb2.Model(
        name=spec.name,
        fingerprint=spec.fingerprint(tokenizer_fingerprint, runs.precision),
        dimensions=spec.dimensions,
        window_tokens=spec.window_tokens,
        distance=spec.proto_distance,
        tokenizer_fingerprint=tokenizer_fingerprint,
        backend=runs.name,
        precision=runs.precision,
        device=runs.device,
        revision=spec.weights_sha256,
        passage_prompt=spec.passage_prompt,
        kind=spec.proto_kind,
        matryoshka_dimensions=spec.matryoshka_dimensions,
        sparse=spec.sparse,
        loaded=loaded,
    )
