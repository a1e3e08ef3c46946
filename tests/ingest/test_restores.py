"""Versions that come back, and those that too many came after."""

import pytest
from tests.ingest.bench import Bench, book, plain

from lorekeep_chassis import errors
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.pruning import prune
from lorekeep_gateway.restores import restore

ALICE = Principal("org_a", "ws_org_a", "key_x", "usr_a", (), frozenset({"ingest"}), None)


async def versions(bench: Bench, texts: list[str], collection: str = "") -> tuple[str, list[dict[str, str]]]:
    """A document with as many versions, shown one after the other."""
    collection = collection or await bench.collection()
    made: list[dict[str, str]] = []
    async with bench.working():
        for text in texts:
            of = made[0]["document_id"] if made else ""
            made.append(await bench.document(collection, text, of=of, metadata={"n": len(made)}))
            await bench.ended(made[-1])
    return collection, made


async def restored(bench: Bench, collection: str, ids: dict[str, str], number: int) -> dict[str, str]:
    """The ids of the new version, once its job has ended."""
    async with bench.database.transaction() as session:
        queued = await restore(session, ALICE, collection, ids["document_id"], number)
    job = (await bench.sql("select * from jobs where id = $1", queued.job_id))[0]
    assert (job["kind"], job["lane"], job["queue"]) == ("restore", "interactive", "document_processing")
    async with bench.working():
        await bench.ended({"id": queued.job_id})
    return {"id": queued.job_id, "document_id": ids["document_id"], "version_id": job["version_id"]}


async def test_a_version_comes_back_without_being_read_again(bench: Bench) -> None:
    collection, (old, new) = await versions(bench, [book(5), "new text"])
    bench.services.parser.pages.clear()
    back = await restored(bench, collection, old, 1)
    assert (await bench.job(back))["status"] == "succeeded"
    assert await bench.visible(collection) == {back["version_id"]: plain(book(5))}
    assert (bench.services.parser.pages, bench.services.parser.cuts) == ([], 1)
    was, now = await bench.version(old), await bench.version(back)
    same = ("blob_sha256", "metadata", "verdict", "warnings", "segment_count", "chunk_count", "name", "media_type")
    assert {each: now[each] for each in same} == {each: was[each] for each in same}
    assert (now["number"], now["restored_from"], now["artefact_id"]) == (3, 1, old["version_id"])
    document = await bench.document_row(back)
    assert (document["metadata"], document["content_preview"][:9]) == ({"n": 0}, "line 0.0.")
    assert (await bench.version(new))["status"] == "superseded"
    again = await restored(bench, collection, old, 3 - 1)
    assert await bench.visible(collection) == {again["version_id"]: "new text"}


async def test_a_restored_version_can_be_restored_and_rests_on_the_first_artefact(bench: Bench) -> None:
    collection, (old, _) = await versions(bench, [book(3), "new text"])
    await restored(bench, collection, old, 1)
    await restored(bench, collection, old, 2)
    back = await restored(bench, collection, old, 3)
    assert (await bench.version(back))["artefact_id"] == old["version_id"]
    assert await bench.visible(collection) == {back["version_id"]: plain(book(3))}


async def test_a_restore_from_a_dead_artefact_fails_and_changes_nothing(bench: Bench) -> None:
    collection, (old, new) = await versions(bench, [book(3), "new text"])
    await bench.blobs.remove_artefact("org_a", old["version_id"])
    back = await restored(bench, collection, old, 1)
    job = await bench.job(back)
    assert (job["status"], job["error"]["reason"], job["dead"]) == ("failed", "artefact_missing", False)
    assert await bench.visible(collection) == {new["version_id"]: "new text"}


async def test_what_cannot_come_back_is_told(bench: Bench) -> None:
    collection, (old, bad, _) = await versions(bench, [book(1), "ENCRYPTED", "new text"])
    for number, reason in ((3, "version_not_restorable"), (2, "version_not_restorable"), (9, "version_not_found")):
        async with bench.database.transaction() as session:
            with pytest.raises(errors.LorekeepError) as raised:
                await restore(session, ALICE, collection, old["document_id"], number)
        assert raised.value.reason == reason
    assert len(await bench.sql("select from versions")) == 3
    assert (await bench.version(bad))["status"] == "failed"


async def test_versions_behind_the_last_three_are_pruned(bench: Bench) -> None:
    collection, made = await versions(bench, ["first", "ENCRYPTED", "second", "third", "fourth"])
    assert await prune(bench.database, bench.blobs) == 2
    pruned = [row["number"] for row in await bench.sql("select * from versions where pruned_at is not null")]
    assert sorted(pruned) == [1, 2]
    for ids, kept in zip(made, (False, False, True, True, True), strict=True):
        assert await _bytes_kept(bench, ids) == kept, ids
    assert await bench.blobs.remove_artefact("org_a", made[0]["version_id"]) == 0
    assert await bench.blobs.remove_artefact("org_a", made[2]["version_id"]) == 1
    assert await bench.visible(collection) == {made[4]["version_id"]: "fourth"}
    assert await prune(bench.database, bench.blobs) == 0


async def test_what_another_version_needs_is_not_pruned_with_one(bench: Bench) -> None:
    collection, made = await versions(bench, ["first", "second", "third"])
    back = await restored(bench, collection, made[0], 1)
    await versions(bench, ["second"])  # another document of the organisation with the second's bytes
    assert await prune(bench.database, bench.blobs) == 1
    assert await _bytes_kept(bench, made[0])
    async with bench.working():
        last = await bench.document(collection, "last", of=made[0]["document_id"])
        await bench.ended(last)
    assert await prune(bench.database, bench.blobs) == 1
    assert await _bytes_kept(bench, made[1]), "the other document's"
    assert await bench.blobs.remove_artefact("org_a", made[1]["version_id"]) == 0
    again = await restored(bench, collection, made[0], 4)
    assert (await bench.job(again))["status"] == "succeeded"
    assert await bench.visible(collection) == {again["version_id"]: "first"}
    assert (await bench.version(back))["status"] == "superseded"


async def test_a_version_that_a_job_works_from_is_not_pruned(bench: Bench) -> None:
    _, made = await versions(bench, ["first", "second", "third", "fourth"])
    await bench.sql(
        "insert into jobs (id, organisation_id, collection_id, document_id, version_id, kind, actor)"
        " select 'job_x', organisation_id, collection_id, document_id, version_id, 'rebuild', actor"
        " from jobs where id = $1",
        made[0]["id"],
    )
    assert await prune(bench.database, bench.blobs) == 0
    await bench.sql("update jobs set status = 'failed' where id = 'job_x'")
    assert await prune(bench.database, bench.blobs) == 1


async def _bytes_kept(bench: Bench, ids: dict[str, str]) -> bool:
    sha256 = (await bench.version(ids))["blob_sha256"]
    try:
        return bool([piece async for piece in bench.blobs.read("org_a", sha256)])
    except errors.NotFound:
        return False
