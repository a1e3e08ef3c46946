"""Chunks as points: the conversion between the contract's messages and what the engine keeps."""

import math
from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import lru_cache
from uuid import NAMESPACE_OID, UUID, uuid5

from lorekeep.document.v1 import document_pb2
from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_search import filters, terms
from lorekeep_search.store import NEVER, Payload, Point

_MOST_CHUNKS = 256
_FLOAT_BYTES = 4
_NAMESPACE = uuid5(NAMESPACE_OID, "lorekeep.search.point")


def point_id(organisation_id: str, chunk_id: str) -> str:
    """The engine's id of a chunk. Derived from the organisation too, so that none can write over another's chunk."""
    return str(uuid5(_of_organisation(organisation_id), chunk_id))


def metadata(attributes: Sequence[search_pb2.Attribute]) -> Payload:
    """Declared metadata by type and name, as `filters.key` finds it; worked out once for all chunks of a version."""
    values: dict[str, dict[str, object]] = {}
    for each in attributes:
        stored = [filters.stored(each.field, value) for value in each.values]
        values.setdefault(filters.type_name(each.field), {})[each.field.name] = stored
    return values


def checked(request: search_pb2.UpsertRequest) -> None:
    """InvalidInput or ModelMismatch where a batch breaks a rule of the contract."""
    count = len(request.chunks)
    if not 1 <= count <= _MOST_CHUNKS:
        raise errors.InvalidInput(f"A batch holds 1 to {_MOST_CHUNKS} chunks, not {count}.", field="chunks")
    if not request.generation_id:
        raise errors.InvalidInput("A batch needs the generation of its chunks.", field="generation_id")
    for chunk in request.chunks:
        _check_chunk(chunk)
    if len({(each.collection_id, each.document_id, each.version_id) for each in request.chunks}) > 1:
        raise errors.InvalidInput("A batch holds chunks of one version. Send one request a version.", field="chunks")
    _check_vectors(request.vectors, count, request.space.dimensions)


def of_chunk(organisation_id: str, generation_id: str, indexed: search_pb2.IndexedChunk, meta: Payload) -> Payload:
    """The payload of a chunk, invisible until it is stamped."""
    payload: Payload = {
        "organisation_id": organisation_id,
        "collection_id": indexed.collection_id,
        "generation_id": generation_id,
        "document_id": indexed.document_id,
        "version_id": indexed.version_id,
        "ordinal": indexed.chunk.ordinal,
        "from_epoch": NEVER,
        "to_epoch": NEVER,
        "chunk_id": indexed.chunk_id,
        "public_document_id": indexed.public_document_id,
        "document_name": indexed.document_name,
        "chunk": b64encode(indexed.chunk.SerializeToString()).decode(),
        "metadata_json": indexed.metadata_json,
    }
    return payload | {"meta": meta} if meta else payload


def to_chunk(payload: Payload) -> search_pb2.IndexedChunk:
    """The chunk of a payload."""
    return search_pb2.IndexedChunk(
        chunk_id=payload["chunk_id"],
        collection_id=payload["collection_id"],
        document_id=payload["document_id"],
        version_id=payload["version_id"],
        document_name=payload["document_name"],
        public_document_id=payload["public_document_id"],
        chunk=document_pb2.Chunk.FromString(b64decode(payload["chunk"])),
        metadata_json=payload["metadata_json"],
    )


def of_request(organisation_id: str, request: search_pb2.UpsertRequest, begin: int, end: int) -> list[Point]:
    """The points of the chunks [begin, end) of a checked batch."""
    size = request.space.dimensions * _FLOAT_BYTES
    meta = metadata(request.attributes)
    return [
        Point(
            point_id(organisation_id, indexed.chunk_id),
            of_chunk(organisation_id, request.generation_id, indexed, meta),
            request.vectors[number * size : (number + 1) * size],
            terms.of_passage(_texts(indexed)),
        )
        for number, indexed in enumerate(request.chunks[begin:end], begin)
    ]


def _texts(indexed: search_pb2.IndexedChunk) -> list[str]:
    """Everything that a question may name: the document, its headings, a table's header row, the passage."""
    chunk = indexed.chunk
    return [indexed.document_name, *chunk.heading_path, chunk.context, chunk.text]


@lru_cache(1024)
def _of_organisation(organisation_id: str) -> UUID:
    return uuid5(_NAMESPACE, organisation_id)


def _check_chunk(indexed: search_pb2.IndexedChunk) -> None:
    try:
        UUID(indexed.chunk_id)
    except ValueError:
        raise errors.InvalidInput("A chunk's id must be a UUID.", field="chunks.chunk_id") from None
    if not (indexed.collection_id and indexed.document_id and indexed.version_id):
        raise errors.InvalidInput("A chunk needs its collection, document and version.", field="chunks")


def _check_vectors(vectors: bytes, count: int, dimensions: int) -> None:
    expected = count * dimensions * _FLOAT_BYTES
    if len(vectors) != expected:
        raise errors.ModelMismatch(
            f"{count} vectors of {dimensions} dimensions are {expected} bytes, and {len(vectors)} were sent. Embed "
            "with the index space's model."
        )
    # The sum is finite exactly when all numbers are: float32 cannot overflow a double here.
    if not math.isfinite(sum(array("f", vectors))):
        raise errors.InvalidInput("The vectors hold something that is not a finite number.", field="vectors")
