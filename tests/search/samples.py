"""Small messages for the search tests, and vectors that similar texts share."""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from uuid import NAMESPACE_OID, uuid4, uuid5
from zlib import crc32

from lorekeep.document.v1 import document_pb2
from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls

DIMENSIONS = 32
ORGANISATION, OTHER = "org_one", "org_two"
GENERATION = "gen_one"


def space(fingerprint: str = "", dimensions: int = DIMENSIONS, distance: str = "cosine") -> search_pb2.IndexSpace:
    """An index space; one of its own where no fingerprint is given, so that tests share a server."""
    return search_pb2.IndexSpace(
        model="fake", fingerprint=fingerprint or uuid4().hex, dimensions=dimensions, distance=distance
    )


def context(organisation: str = ORGANISATION) -> calls.CallContext:
    return calls.CallContext(organisation, "", "test", calls.Lane.INTERACTIVE)


def calling_as(organisation: str) -> AbstractContextManager[None]:
    return calls.calling_as(context(organisation))


def vector(text: str, dimensions: int = DIMENSIONS) -> bytes:
    """A bag of words of length 1: texts that share words are near each other."""
    numbers = [0.001] * dimensions
    for word in text.lower().split():
        numbers[crc32(word.encode()) % dimensions] += 1.0
    length = sum(each * each for each in numbers) ** 0.5
    return array("f", [each / length for each in numbers]).tobytes()


def chunk(
    text: str, ordinal: int = 0, *, collection: str = "col", document: str = "doc", version: str = "ver", name: str = ""
) -> search_pb2.IndexedChunk:
    return search_pb2.IndexedChunk(
        chunk_id=str(uuid5(NAMESPACE_OID, f"{collection}/{version}/{ordinal}/{text}")),
        collection_id=collection,
        document_id=document,
        version_id=version,
        document_name=name or f"{document}.txt",
        public_document_id=f"public-{document}",
        chunk=document_pb2.Chunk(ordinal=ordinal, text=text, page=ordinal + 1, heading_path=["Part", "One"]),
        metadata_json='{"year": 2020}',
    )


def upsert(
    where: search_pb2.IndexSpace,
    chunks: Iterable[search_pb2.IndexedChunk],
    attributes: Mapping[str, object] | None = None,
) -> search_pb2.UpsertRequest:
    chunks = list(chunks)
    return search_pb2.UpsertRequest(
        space=where,
        generation_id=GENERATION,
        chunks=chunks,
        vectors=b"".join(vector(each.chunk.text, where.dimensions) for each in chunks),
        attributes=[attribute(name, given) for name, given in (attributes or {}).items()],
    )


def attribute(name: str, given: object) -> search_pb2.Attribute:
    values = given if isinstance(given, list) else [given]
    return search_pb2.Attribute(field=field(name, values[0]), values=[value(each) for each in values])


def field(name: str, sample: object) -> search_pb2.Field:
    """A field whose type is that of the sample; names that end in `_at` are points in time."""
    if name.endswith("_at"):
        return search_pb2.Field(name=name, type=search_pb2.FIELD_TYPE_DATETIME)
    types = {
        str: search_pb2.FIELD_TYPE_STRING,
        bool: search_pb2.FIELD_TYPE_BOOLEAN,
        int: search_pb2.FIELD_TYPE_INTEGER,
        float: search_pb2.FIELD_TYPE_NUMBER,
    }
    return search_pb2.Field(name=name, type=types[type(sample)])


def value(given: object) -> search_pb2.Value:
    if isinstance(given, bool):
        return search_pb2.Value(boolean_value=given)
    if isinstance(given, int):
        return search_pb2.Value(integer_value=given)
    if isinstance(given, float):
        return search_pb2.Value(number_value=given)
    return search_pb2.Value(string_value=str(given))


def condition(name: str, comparison: str, *given: object) -> search_pb2.Filter:
    """`condition("year", "GTE", 2020)`."""
    return search_pb2.Filter(
        condition=search_pb2.FieldCondition(
            field=field(name, given[0] if given else ""),
            comparison=search_pb2.Comparison.Value(f"COMPARISON_{comparison}"),
            values=[value(each) for each in given],
        )
    )


def every(*filters: search_pb2.Filter) -> search_pb2.Filter:
    return search_pb2.Filter(all=search_pb2.FilterList(filters=filters))


def either(*filters: search_pb2.Filter) -> search_pb2.Filter:
    return search_pb2.Filter(any=search_pb2.FilterList(filters=filters))


def target(epoch: int = 1, collection: str = "col", generation: str = GENERATION) -> search_pb2.Target:
    return search_pb2.Target(collection_id=collection, generation_id=generation, epoch=epoch)


def stamp(
    where: search_pb2.IndexSpace, version: str = "ver", *, collection: str = "col", **epochs: int
) -> search_pb2.StampRequest:
    stamps = [search_pb2.VersionStamp(version_id=version, **epochs)]
    return search_pb2.StampRequest(space=where, collection_id=collection, stamps=stamps)


def scope(
    where: search_pb2.IndexSpace, collection: str = "col", document: str = "", version: str = ""
) -> search_pb2.Scope:
    return search_pb2.Scope(space=where, collection_id=collection, document_id=document, version_id=version)


def search(
    where: search_pb2.IndexSpace,
    query: str,
    *,
    epoch: int = 1,
    mode: str = "HYBRID",
    limit: int = 10,
    asked: search_pb2.Filter | None = None,
    targets: Iterable[search_pb2.Target] = (),
    per_document: int = 0,
) -> search_pb2.SearchRequest:
    return search_pb2.SearchRequest(
        space=where,
        targets=list(targets) or [target(epoch)],
        query=query,
        limit=limit,
        mode=search_pb2.Mode.Value(f"MODE_{mode}"),
        filter=asked,
        limit_per_document=per_document,
    )


def texts(response: search_pb2.SearchResponse) -> list[str]:
    return [each.chunk.chunk.text for each in response.hits]


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Waits until something holds; TimeoutError where it does not in time."""
    async with asyncio.timeout(seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)
