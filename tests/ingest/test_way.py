"""The way of a document that nothing disturbs, and of those that cannot be read."""

import pytest
from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.services import MODEL, vector_of
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_gateway.ingest.index import chunk_id


async def test_a_document_becomes_visible_whole_and_described(bench: Bench) -> None:
    collection = await bench.collection(schema={"year": "integer", "tags": "string[]", "at": "datetime"})
    metadata = {"year": 2020, "tags": ["a", "b"], "at": "no time", "other": {"x": "é"}}
    text = book(5)
    ids = await bench.document(collection, text, metadata=metadata)
    async with bench.working():
        job = await bench.ended(ids)
    assert job["status"] == "succeeded", job["error"]
    assert job["progress"] == {
        "pages_done": 5,
        "pages_total": 5,
        "chunks_done": 8,
        "chunks_indexed": 8,
        "chunks_total": 8,
    }
    assert await bench.visible(collection) == {ids["version_id"]: plain(text)}
    document, version = await bench.document_row(ids), await bench.version(ids)
    assert (document["status"], document["version_id"], document["error"]) == ("ready", ids["version_id"], None)
    assert document["content_preview"].startswith("line 0.0.")
    assert (version["status"], version["chunk_count"], version["segment_count"]) == ("ready", 8, 3)
    assert (version["verdict"]["pages_read"], version["verdict"]["language"]) == (5, "en")
    assert version["warnings"] == ["odd: x", "metadata_mismatch: at holds a value that is no datetime"]
    assert job["warnings"] == version["warnings"]


async def test_the_parser_is_heard_out(bench: Bench) -> None:
    bench.services.parser.tidying_seconds = 0.1
    collection = await bench.collection()
    ids = await bench.document(collection, book(5))
    async with bench.working():
        await bench.ended(ids)
    assert bench.services.parser.ended == 1


async def test_points_are_filled_completely(bench: Bench) -> None:
    collection = await bench.collection(schema={"year": "integer", "tags": "string[]"})
    ids = await bench.document(collection, "| one\ntwo", metadata={"year": 7, "tags": ["x", "y"]})
    async with bench.working():
        await bench.ended(ids)
    (point,) = bench.services.search.points.values()
    generation = (await bench.sql("select * from generations"))[0]
    assert (generation["max_tokens"], generation["overlap_tokens"], generation["min_tokens"]) == (256, 50, 64)
    assert point.chunk.chunk_id == chunk_id(generation["id"], ids["version_id"], point.chunk.chunk)
    assert (point.chunk.document_name, point.chunk.public_document_id) == ("a.txt", ids["document_id"])
    assert point.chunk.metadata_json == '{"tags":["x","y"],"year":7}'
    assert point.attributes == {"year": [7], "tags": ["x", "y"]}
    assert point.organisation == "org_a"
    assert point.vector == vector_of("head\n| onetwo")
    prepared = bench.services.search.prepared[0]
    assert (prepared.space.fingerprint, [each.name for each in prepared.fields]) == (
        MODEL.fingerprint,
        ["tags", "year"],
    )


async def test_the_artefact_holds_every_element(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(5))
    async with bench.working():
        await bench.ended(ids)
    segments = [each async for each in bench.blobs.segments("org_a", ids["version_id"], 3)]
    assert "".join(each.text for each in segments) == plain(book(5))
    assert [e.ordinal for each in segments for e in each.elements] == list(range(15))


async def test_the_tokenizer_is_fetched_and_sent_when_asked(bench: Bench) -> None:
    collection = await bench.collection()
    first, second = await bench.document(collection, "a\nb"), await bench.document(collection, "c\nd")
    async with bench.working(job_concurrency=1):
        assert (await bench.ended(first))["status"] == "succeeded"
        assert (await bench.ended(second))["status"] == "succeeded"
    assert {each.chunk_options.tokenizer_fingerprint for each in bench.services.parser.starts} == {"words@1"}
    assert len(await bench.sql("select * from generations")) == 1


@pytest.mark.parametrize(("text", "reason"), [("ENCRYPTED!", "encrypted"), (" \n ", "empty_text")])
async def test_what_cannot_be_read_fails_at_once_with_its_reason(bench: Bench, text: str, reason: str) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, text)
    async with bench.working():
        job = await bench.ended(ids)
    document = await bench.document_row(ids)
    assert (job["status"], job["error"]["reason"], job["attempt"], job["dead"]) == ("failed", reason, 1, False)
    assert (document["status"], document["error"]["reason"]) == ("failed", reason)
    assert (await bench.version(ids))["status"] == "failed"
    assert len(bench.services.parser.starts) == 1


async def test_a_blob_that_is_gone_is_a_typed_end(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    await bench.blobs.remove("org_a", (await bench.version(ids))["blob_sha256"])
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["error"]["reason"], job["stage"]) == ("failed", "blob_missing", "fetch")


async def test_a_large_document_passes_in_bounded_requests(bench: Bench) -> None:
    collection = await bench.collection()
    text = "\f".join(f"{number} " + "x" * 900_000 for number in range(8))
    ids = await bench.document(collection, text)
    async with bench.working(upsert_batch_chunks=100, embed_batch_chunks=1, batch_pages=4):
        job = await bench.ended(ids)
    assert job["status"] == "succeeded", job["error"]
    assert bench.services.search.upsert.calls >= 4


async def test_an_index_is_prepared_once_and_again_where_it_was_lost(bench: Bench) -> None:
    collection = await bench.collection()
    search = bench.services.search

    def lost(number: int) -> None:
        if number == 3:
            raise errors.NotFound("The index space is not there yet.", reason="space_not_prepared")

    search.upsert.hook = lost
    async with bench.working():
        for number in range(3):
            ids = await bench.document(collection, f"document {number}")
            job = await bench.ended(ids)
            assert (job["status"], job["attempt"]) == ("succeeded", 1), job["error"]
            assert len(search.prepared) == (1 if number < 2 else 2)
    assert search.prepared[0] == search.prepared[1]


@pytest.mark.parametrize(("batch", "most"), [(1, 1), (2, 2), (5, 4), (8, 8)])
async def test_the_embedder_is_ahead_of_the_index_by_one_batch_at_most(bench: Bench, batch: int, most: int) -> None:
    """While the index is away, as many chunks are embedded and no more; and so they are while it comes along."""
    services, ahead = bench.services, []
    away = errors.Overloaded("away", retry_after_seconds=0.01)

    def hook(number: int) -> None:
        ahead.append(len(services.embedder.texts) + max(1, batch // 2) - len(services.search.points))

    async def embedded() -> bool:
        return len(services.embedder.texts) == most and services.search.upsert.calls > 5

    services.embedder.embed.hook = hook
    services.search.upsert.hook = failing(10_000, away)
    ids = await bench.document(await bench.collection(), book(12))
    async with bench.working(embed_batch_chunks=batch):
        await until(embedded)
        services.search.upsert.hook = lambda number: None
        job = await bench.ended(ids)
    assert job["status"] == "succeeded", job["error"]
    assert max(ahead) == most
