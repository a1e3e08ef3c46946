"""The build of a collection's index that documents go into; the collection's first job makes it."""

from collections.abc import Mapping
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.parser.v1.parser_pb2 import ChunkOptions
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.leases import Withdrawn
from lorekeep_gateway.store.database import Database

_MOST_TOKENS = 512
_OVERLAP_TOKENS = 50
_MIN_TOKENS = 128
_DISTANCES = {embedder_pb2.DISTANCE_COSINE: "cosine", embedder_pb2.DISTANCE_DOT: "dot"}


async def live_generation(
    database: Database, embedding: Embedding, model_name: str, job: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The collection's live generation, made of `model_name` (empty: the default) where there is none."""
    owner = {"collection_id": job["collection_id"], "organisation_id": job["organisation_id"]}
    found = await _found(database, owner)
    if found["id"] is None:
        model = await embedding.model(model_name)
        async with database.session() as session:
            await session("make_generation", id=new_id("gen"), **owner, **_columns(model))
        found = await _found(database, owner)
    return found


def chunk_options(generation: Mapping[str, Any]) -> ChunkOptions:
    """How the generation's chunks are cut."""
    return ChunkOptions(
        max_tokens=generation["max_tokens"],
        overlap_tokens=generation["overlap_tokens"],
        min_tokens=generation["min_tokens"],
        tokenizer_fingerprint=generation["tokenizer_fingerprint"],
    )


async def _found(database: Database, owner: Mapping[str, str]) -> Mapping[str, Any]:
    async with database.session() as session:
        found: Mapping[str, Any] | None = await session("live_generation", **owner)
    if found is None:
        raise Withdrawn("The collection was deleted while the document was read.", reason="deleted")
    return found


def _columns(model: embedder_pb2.Model) -> dict[str, Any]:
    max_tokens = min(_MOST_TOKENS, model.window_tokens)
    return {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "tokenizer_fingerprint": model.tokenizer_fingerprint,
        "dimensions": model.dimensions,
        "distance": _DISTANCES[model.distance],
        "max_tokens": max_tokens,
        "overlap_tokens": min(_OVERLAP_TOKENS, (max_tokens - 1) // 2),
        "min_tokens": min(_MIN_TOKENS, max_tokens // 4),
    }
