"""What a model made, as the contract sends it."""

import numpy as np

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_embedder.answering.embed_request import dimensions_of
from lorekeep_embedder.backends.seam import SparseVector, Vectors
from lorekeep_embedder.models.loaded_model import Computed, LoadedModel


def embed_answer(request: embedder_pb2.EmbedRequest, model: LoadedModel, made: Computed) -> embedder_pb2.EmbedResponse:
    """The answer to a request: its vectors, cut where it asked for fewer numbers, and its sparse vectors."""
    dimensions = dimensions_of(request, model.spec)
    answer = embedder_pb2.EmbedResponse(
        vectors=little_endian(_cut(made.outputs.vectors, dimensions, model.spec.distance)),
        model=model.description,
        token_count=made.token_count,
        truncated_count=made.truncated_count,
        sparse=[_sparse(each) for each in made.outputs.sparse] if request.sparse else (),
    )
    answer.model.dimensions = dimensions
    return answer


def little_endian(vectors: Vectors) -> bytes:
    """The numbers, one after another."""
    return vectors.astype("<f4", copy=False).tobytes()


def _cut(vectors: Vectors, dimensions: int, distance: str) -> Vectors:
    """The first numbers of each vector, at length 1 again where vectors are compared by cosine.

    Its fingerprint stays the model's: vectors of other lengths lie in other index spaces, and cannot mix.
    """
    if dimensions == vectors.shape[1]:
        return vectors
    kept = vectors[:, :dimensions]
    if distance != "cosine":
        return kept
    lengths: Vectors = np.linalg.norm(kept, axis=1, keepdims=True)
    return np.divide(kept, np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)


def _sparse(vector: SparseVector) -> embedder_pb2.SparseVector:
    return embedder_pb2.SparseVector(
        indices=vector.indices.astype("<u4", copy=False).tobytes(),
        values=vector.values.astype("<f4", copy=False).tobytes(),
    )
