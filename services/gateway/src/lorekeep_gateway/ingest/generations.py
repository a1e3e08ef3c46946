"""The build of a collection's index that documents go into; the collection's first job makes it."""

from collections.abc import Mapping
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.parser.v1.parser_pb2 import ChunkOptions
from lorekeep_chassis import errors
from lorekeep_gateway.chunking import Chunking, Defaults
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.leases import Withdrawn
from lorekeep_gateway.store.database import Database

_MOST_TRIES = 5
_DISTANCES = {embedder_pb2.DISTANCE_COSINE: "cosine", embedder_pb2.DISTANCE_DOT: "dot"}


async def live_generation(
    database: Database, embedding: Embedding, model_name: str, defaults: Defaults, job: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The collection's live generation, made of `model_name` (empty: the default) and of what the collection asks for
    where there is none. InvalidInput where its chunks do not fit into the model any more."""
    owner = {"collection_id": job["collection_id"], "organisation_id": job["organisation_id"]}
    for _ in range(_MOST_TRIES):
        found = await _found(database, owner)
        if found["id"] is not None:
            return found
        model = await embedding.model(model_name)
        columns = _columns(model, found["chunking"], defaults)
        async with database.session() as session:
            await session("make_generation", id=new_id("gen"), **owner, **columns)
    raise errors.Unavailable("The collection's settings are being changed. Its documents are tried again shortly.")


def chunk_options(generation: Mapping[str, Any]) -> ChunkOptions:
    """How the generation's chunks are cut."""
    sizes = (generation[name] for name in ("chunk_strategy", "max_tokens", "overlap_tokens", "min_tokens"))
    return Chunking(*sizes).options(generation["tokenizer_fingerprint"], generation["prefix"])


async def _found(database: Database, owner: Mapping[str, str]) -> Mapping[str, Any]:
    async with database.session() as session:
        found: Mapping[str, Any] | None = await session("live_generation", **owner)
    if found is None:
        raise Withdrawn("The collection was deleted while the document was read.", reason="deleted")
    return found


def _columns(model: embedder_pb2.Model, asked: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    chunking = defaults.resolved(asked, model.window_tokens)
    chunking.check(asked, model)
    return {
        "chunking": asked,
        "model": model.name,
        "fingerprint": model.fingerprint,
        "tokenizer_fingerprint": model.tokenizer_fingerprint,
        "dimensions": model.dimensions,
        "distance": _DISTANCES[model.distance],
        "prefix": model.passage_prompt,
        "chunk_strategy": chunking.strategy,
        "max_tokens": chunking.max_tokens,
        "overlap_tokens": chunking.overlap_tokens,
        "min_tokens": chunking.min_tokens,
    }
