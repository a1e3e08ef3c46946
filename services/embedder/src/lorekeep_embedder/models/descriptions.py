"""A model as the contract describes it."""

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_embedder.backends.seam import Runs
from lorekeep_embedder.models.registry import ModelSpec


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
