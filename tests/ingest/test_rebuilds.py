"""Rebuilds: what the index lost comes back from the artefact, and nothing that stands is hidden meanwhile."""

import asyncio
from typing import Any

from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_gateway.rebuilds import enqueue_rebuild


async def enqueued(bench: Bench, collection: str, documents: list[str] | None = None) -> int:
    async with bench.database.transaction() as session:
        return await enqueue_rebuild(session, "org_a", collection, documents, "key_x")


async def test_only_what_is_visible_is_queued_and_once(bench: Bench) -> None:
    collection, other = await bench.collection(), await bench.collection()
    shown = [await bench.document(each, book(2)) for each in (collection, collection, other)]
    async with bench.working():
        for each in shown:
            await bench.ended(each)
    await bench.document(collection, book(1))
    assert await enqueued(bench, collection, [shown[0]["document_id"], shown[2]["document_id"], "doc_unknown"]) == 1
    assert await enqueued(bench, collection) == 1
    assert await enqueued(bench, collection) == 0
    async with bench.database.transaction() as session:
        assert await enqueue_rebuild(session, "org_b", collection, None, "key_x") == 0
    rows = await bench.sql("select * from jobs where kind = 'rebuild'")
    assert {row["version_id"] for row in rows} == {shown[0]["version_id"], shown[1]["version_id"]}
    assert {(row["queue"], row["lane"], len(row["id"])) for row in rows} == {("reindex", "bulk", 30)}


async def shown(bench: Bench, pages: int = 5) -> tuple[str, dict[str, str]]:
    """A collection with a visible document, and nothing counted yet."""
    collection = await bench.collection()
    ids = await bench.document(collection, book(pages))
    async with bench.working():
        assert (await bench.ended(ids))["status"] == "succeeded"
    bench.services.parser.pages.clear()
    bench.services.embedder.texts.clear()
    bench.services.search.written.clear()
    return collection, ids


def lose(bench: Bench, ordinals: set[int]) -> None:
    points = bench.services.search.points
    for name in [name for name, each in points.items() if each.chunk.chunk.ordinal in ordinals]:
        del points[name]


async def rebuilt(bench: Bench, collection: str) -> Any:
    assert await enqueued(bench, collection) == 1
    ((job_id,),) = await bench.sql("select id from jobs where kind = 'rebuild' and status = 'queued'")
    async with bench.working():
        return await bench.ended({"id": job_id})


async def test_only_what_is_missing_is_put_back_and_nothing_is_hidden(bench: Bench) -> None:
    collection, ids = await shown(bench)
    lose(bench, {0, 3, 4})
    standing = dict(bench.services.search.points)
    epoch = (await bench.sql("select epoch from collections"))[0][0]
    seen: list[int] = []
    bench.services.search.upsert.hook = lambda _: seen.append(len(bench.services.search.visible(collection, epoch)))
    job = await rebuilt(bench, collection)
    assert (job["status"], job["warnings"]) == ("succeeded", []), job["error"]
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}
    assert (bench.services.parser.pages, bench.services.parser.cuts) == ([], 0)
    assert len(bench.services.embedder.texts) == sum(bench.services.search.written.values()) == 3
    assert set(seen) == {5}
    assert {bench.services.search.points[name] is point for name, point in standing.items()} == {True}
    assert (await bench.sql("select epoch from collections"))[0][0] == epoch
    assert (await bench.document_row(ids))["status"] == "ready"


async def test_an_artefact_that_keeps_no_chunks_is_cut_anew(bench: Bench) -> None:
    collection, ids = await shown(bench)
    points = set(bench.services.search.points)
    (version,) = await bench.sql("select * from versions where id = $1", ids["version_id"])
    for ordinal in range(version["segment_count"]):
        segment = await bench.blobs.segment("org_a", version["id"], ordinal)
        segment.ClearField("chunks")
        await bench.blobs.keep_segment("org_a", version["id"], segment)
    lose(bench, {1, 2})
    assert (await rebuilt(bench, collection))["status"] == "succeeded"
    assert (bench.services.parser.pages, bench.services.parser.cuts) == ([], 1)
    assert set(bench.services.search.points) == points


async def test_whoever_reads_at_an_earlier_epoch_goes_on_seeing_what_is_rebuilt(bench: Bench) -> None:
    collection, ids = await shown(bench)
    (before,) = await bench.sql("select epoch from collections")
    async with bench.working():
        await bench.ended(await bench.document(collection, "another document"))
    lose(bench, {1})
    assert await enqueued(bench, collection, [ids["document_id"]]) == 1
    async with bench.working():
        ((job_id,),) = await bench.sql("select id from jobs where kind = 'rebuild'")
        await bench.ended({"id": job_id})
    seen = bench.services.search.visible(collection, before[0])
    assert [(each.version_id, each.chunk.ordinal) for each in seen] == [(ids["version_id"], n) for n in range(8)]


async def test_a_version_that_is_cut_otherwise_by_now_is_not_shown_twice(bench: Bench) -> None:
    collection, ids = await shown(bench)
    for name, point in list(bench.services.search.points.items()):
        point.chunk.chunk_id = f"earlier {name}"
        bench.services.search.points[point.chunk.chunk_id] = bench.services.search.points.pop(name)
    for _ in range(2):
        job = await rebuilt(bench, collection)
        assert (job["status"], job["dead"], (job["error"] or {}).get("reason")) == ("failed", False, "chunks_differ")
        assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}


async def test_two_that_ask_at_once_queue_one_rebuild(bench: Bench) -> None:
    collection, _ = await shown(bench)
    async with bench.database.transaction() as session:
        assert await enqueue_rebuild(session, "org_a", collection, None, "key_x") == 1
        second = asyncio.create_task(enqueued(bench, collection))
        await until(lambda: _held_back(bench, second))
    assert await second == 0


async def _held_back(bench: Bench, second: "asyncio.Task[int]") -> bool:
    return second.done() or bool(await bench.sql("select from pg_locks where not granted"))


async def test_an_index_that_lost_everything_comes_back(bench: Bench) -> None:
    collection, ids = await shown(bench)
    before = dict(bench.services.search.points)
    bench.services.search.points.clear()
    assert (await rebuilt(bench, collection))["status"] == "succeeded"
    assert bench.services.search.points.keys() == before.keys()
    assert {n: p.chunk for n, p in bench.services.search.points.items()} == {n: p.chunk for n, p in before.items()}
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}


async def test_a_dead_artefact_is_made_anew_from_the_bytes(bench: Bench) -> None:
    collection, ids = await shown(bench)
    await bench.blobs.remove_artefact("org_a", ids["version_id"])
    lose(bench, {1})
    assert (await rebuilt(bench, collection))["status"] == "succeeded"
    assert bench.services.parser.pages == [1, 2, 3, 4, 5]
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}
    bench.services.search.points.clear()
    bench.services.parser.pages.clear()
    assert (await rebuilt(bench, collection))["status"] == "succeeded"
    assert (bench.services.parser.pages, len(bench.services.search.points)) == ([], 8)


async def test_a_rebuild_that_fails_leaves_its_document_in_peace(bench: Bench) -> None:
    collection, ids = await shown(bench)
    lose(bench, {1})
    bench.services.embedder.embed.hook = failing(99, errors.DeadlineExceeded("slow"))
    job = await rebuilt(bench, collection)
    assert (job["status"], job["dead"], job["error"]["reason"]) == ("failed", True, "deadline_exceeded")
    assert len(bench.services.search.points) == 7
    document = await bench.document_row(ids)
    assert (document["status"], document["error"]) == ("ready", None)
    assert (await bench.version(ids))["status"] == "ready"
    bench.services.embedder.embed.hook = lambda number: None
    assert (await rebuilt(bench, collection))["status"] == "succeeded"
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(5))}


async def test_a_rebuild_of_what_is_no_longer_shown_ends_with_a_warning(bench: Bench) -> None:
    collection, old = await shown(bench)
    lose(bench, {1})
    assert await enqueued(bench, collection) == 1
    ((job_id,),) = await bench.sql("select id from jobs where kind = 'rebuild'")
    new: list[dict[str, str]] = []
    await bench.sql("update jobs set run_after = now() + interval '1 hour' where id = $1", job_id)
    async with bench.working():
        new.append(await bench.document(collection, "new text", of=old["document_id"]))
        await bench.ended(new[0])
        await bench.sql("update jobs set run_after = now() where id = $1", job_id)
        job = await bench.ended({"id": job_id})
    assert (job["status"], job["warnings"][0].split(":")[0]) == ("succeeded", "not_visible")
    assert await bench.visible(collection) == {new[0]["version_id"]: "new text"}


async def test_a_version_superseded_while_it_is_rebuilt_leaves_no_ghost(bench: Bench) -> None:
    collection, old = await shown(bench)
    lose(bench, {1, 2})
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"))
    assert await enqueued(bench, collection) == 1
    ((job_id,),) = await bench.sql("select id from jobs where kind = 'rebuild'")
    async with bench.working() as ingest:
        await until(lambda: _embedded(bench))
        await bench.sql("update versions set status = 'superseded', retired_at = now(), indexed = false")
        await bench.sql("update documents set version_id = null")
        bench.services.search.upsert.hook = lambda number: None
        job = await bench.ended({"id": job_id})
        assert (job["status"], job["warnings"][0].split(":")[0]) == ("succeeded", "not_visible")
        await bench.sql("update versions set retired_at = now() - interval '1 day'")
        assert await ingest.sweeps.sweep_overdue() == 1
    assert bench.services.search.points == {}
    assert (await bench.version(old))["indexed"] is False


async def _embedded(bench: Bench) -> bool:
    return bool(bench.services.embedder.texts)
