"""What a collection asks of chunking and reading reaches the generation, the parser and the embedder."""

from typing import Any

import pytest
from tests.ingest.bench import Bench, book, plain
from tests.ingest.services import MODEL
from tests.ingest.test_troubles import failing

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import calls, errors


async def _collection(bench: Bench, chunking: dict[str, Any], reading: dict[str, Any] | None = None) -> str:
    collection = await bench.collection()
    columns = ((reading or {}), chunking)
    await bench.sql("update collections set reading = $2, chunking = $3 where id = $1", collection, *columns)
    return collection


async def _restored(bench: Bench, ids: dict[str, str]) -> dict[str, str]:
    """Queues the version once more, from what was read of it."""
    version = {"version_id": f"{ids['version_id']}r", "id": f"{ids['id']}r"}
    mine = {"organisation_id": "org_a"}
    (row,) = await bench.sql("select collection_id from documents where id = $1", ids["document_id"])
    async with bench.database.session() as session:
        await session("restore_add", id=version["version_id"], version_id=ids["version_id"], **mine)
        job = {"lane": "interactive", "traceparent": None, "actor": "key_x", "collection_id": row["collection_id"]}
        await session("restore_enqueue", document_id=ids["document_id"], **version, **job, **mine)
    return {**ids, **version}


async def test_the_first_job_builds_the_generation_as_the_collection_asks(bench: Bench) -> None:
    asked = {"strategy": "hierarchical", "max_tokens": 100, "overlap_tokens": 7, "min_tokens": 9}
    collection = await _collection(bench, asked, {"strategy": "ocr_only", "languages": ["de", "en"]})
    ids = await bench.document(collection, "a\nb")
    await bench.sql("update versions set reading = $1", {"strategy": "fast"})
    async with bench.working():
        await bench.ended(ids)
    (generation,) = await bench.sql("select * from generations")
    assert {**asked, "strategy": generation["chunk_strategy"]} == asked
    assert [generation[name] for name in ("max_tokens", "overlap_tokens", "min_tokens")] == [100, 7, 9]
    assert generation["prefix"] == MODEL.passage_prompt
    (start,) = bench.services.parser.starts
    assert start.strategy == parser_pb2.READ_STRATEGY_FAST
    assert (list(start.languages), start.attachments) == (["de", "en"], True)
    options = start.chunk_options
    assert options.strategy == parser_pb2.CHUNK_STRATEGY_HIERARCHICAL
    assert (options.prefix, options.max_tokens, options.overlap_tokens, options.min_tokens) == ("passage: ", 100, 7, 9)


async def test_an_installation_decides_what_the_collection_does_not(bench: Bench) -> None:
    ids = await bench.document(await bench.collection(), "a\nb")
    async with bench.working(chunk_max_tokens=128, chunk_overlap_tokens=3, chunk_min_tokens=5):
        await bench.ended(ids)
    (generation,) = await bench.sql("select * from generations")
    sizes = [generation[name] for name in ("chunk_strategy", "max_tokens", "overlap_tokens", "min_tokens")]
    assert sizes == ["by_title", 128, 3, 5]


async def test_chunks_that_do_not_fit_the_model_any_more_are_a_typed_end(bench: Bench) -> None:
    collection = await _collection(bench, {"max_tokens": 300})
    ids = await bench.document(collection, "a\nb")
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["error"]["reason"], job["dead"]) == ("failed", "chunk_exceeds_window", False)
    assert await bench.sql("select * from generations") == []


async def test_what_the_document_says_of_itself_is_kept_and_restored(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, "a\nb")
    async with bench.working():
        await bench.ended(ids)
        await bench.ended(await bench.document(collection, "c", of=ids["document_id"]))
        again = await _restored(bench, ids)
        await bench.ended(again)
    told = {"title": "Lines", "authors": ["A. Nother"]}
    assert (await bench.version(ids))["properties"] == (await bench.version(again))["properties"] == told


@pytest.mark.parametrize("fails", [False, True])
async def test_vectors_are_given_where_chunks_are_cut_by_meaning(bench: Bench, fails: bool) -> None:
    """In the bulk lane, also when the parser breaks off once, and again when a version is restored."""
    parser, embedder = bench.services.parser, bench.services.embedder
    collection = await _collection(bench, {"strategy": "semantic"})
    if fails:
        parser.batch.hook = _breaks_off_at_first
    text = book(5)
    ids = await bench.document(collection, text, lane="interactive")
    async with bench.working():
        job = await bench.ended(ids)
        assert (job["status"], job["attempt"]) == ("succeeded", 1)
        assert (await bench.visible(collection)) == {ids["version_id"]: plain(text)}
        parsed = len(parser.vectors)
        assert parsed == (2 if fails else 1)
        await bench.ended(await bench.document(collection, "c", of=ids["document_id"]))
        again = await _restored(bench, ids)
        await bench.ended(again)
    assert (await bench.visible(collection)) == {again["version_id"]: plain(text)}
    assert [(each.dimensions, len(each.vectors)) for each in (parser.vectors[0], parser.vectors[-1])] == [
        (4, 32), (4, 16),
    ]  # fmt: skip
    assert embedder.lanes[0] == (calls.Lane.BULK, 2)
    assert (calls.Lane.BULK, 1) in embedder.lanes


def _breaks_off_at_first(number: int) -> None:
    if number == 1:
        raise errors.Unavailable("Gone for a moment.")


async def test_a_change_while_the_first_job_looks_is_not_passed_over(bench: Bench) -> None:
    collection = await _collection(bench, {"max_tokens": 100})
    made = {
        "id": "gen_1", "collection_id": collection, "organisation_id": "org_a", "model": "m", "fingerprint": "f",
        "tokenizer_fingerprint": "t", "dimensions": 4, "distance": "cosine", "prefix": "", "chunk_strategy": "fixed",
        "max_tokens": 100, "overlap_tokens": 1, "min_tokens": 1,
    }  # fmt: skip
    async with bench.database.session() as session:
        await session("make_generation", **made, chunking={"max_tokens": 99})
    assert await bench.sql("select * from generations") == []
    async with bench.database.session() as session:
        await session("make_generation", **made, chunking={"max_tokens": 100})
    (row,) = await bench.sql("select generation_id from collections where id = $1", collection)
    assert row["generation_id"] == "gen_1"


async def test_two_workers_and_a_change_of_settings_make_one_generation(bench: Bench) -> None:
    """All documents are cut in one way, that of the settings before or after the change, never by both."""
    changes = [{"strategy": "fixed", "max_tokens": size} for size in range(100, 160, 3)]
    collection = await _collection(bench, {"strategy": "fixed", "max_tokens": 99})
    ids = [await bench.document(collection, f"document {number}") for number in range(6)]
    async with bench.working(), bench.working():
        for change in changes:
            await bench.sql("update collections set chunking = $2 where id = $1", collection, change)
        ends = [await bench.ended(each) for each in ids]
    assert {each["status"] for each in ends} == {"succeeded"}
    (generation,) = await bench.sql("select max_tokens from generations where collection_id = $1", collection)
    assert {each.chunk_options.max_tokens for each in bench.services.parser.starts} == {generation["max_tokens"]}


async def test_an_embedder_that_is_away_when_meaning_is_asked_for_costs_no_attempt(bench: Bench) -> None:
    collection = await _collection(bench, {"strategy": "semantic"})
    bench.services.embedder.embed.hook = failing(4, errors.Unavailable("away"))
    ids = await bench.document(collection, book(3))
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["attempt"], job["dead"]) == ("succeeded", 1, False)
    assert bench.services.embedder.embed.calls > 4
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(3))}
