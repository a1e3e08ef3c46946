"""Rebuilds: what the index lost comes back from the artefact, and nothing that stands is hidden meanwhile."""

from tests.ingest.bench import Bench, book

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
