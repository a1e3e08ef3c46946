"""Documents inside of documents: each becomes a document of its own, once, and goes with what it was found in."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from tests.ingest.bench import Bench, Row, until
from tests.ingest.crashes import Mortal
from tests.ingest.test_crashes import lived
from tests.ingest.test_removal import away_after

from lorekeep_gateway.ingest.attachments import MOST_DOCUMENTS
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.pruning import prune
from lorekeep_gateway.reconciliation.originals import Originals
from lorekeep_gateway.removal import Removal, sweep
from lorekeep_gateway.restores import restore


def holding(text: str, **inside: str) -> str:
    """A document with others inside of it; `__` in a name stands for a slash, `_` for a dot."""
    names = {each.replace("__", "/").replace("_", "."): content for each, content in inside.items()}
    return "\n".join([text, *(f"@{json.dumps([name, content])}" for name, content in names.items())])


async def settled(bench: Bench) -> None:
    """Until no job waits or runs."""

    async def none() -> bool:
        return not await bench.sql("select from jobs where status in ('queued', 'running')")

    await until(none)


async def brought(bench: Bench, collection: str, text: str, **given: Any) -> dict[str, str]:
    """A document, or the next version of one, read with all that is inside of it."""
    ids = await bench.document(collection, text, **given)
    async with bench.working():
        await bench.ended(ids)
        await settled(bench)
    return ids


async def inside(bench: Bench, ids: dict[str, str]) -> dict[str, Row]:
    """The documents inside of one by the end of their public ids, with what their newest versions say."""
    rows = await bench.sql(
        "select d.*, v.number, v.blob_sha256, v.media_type, j.lane, j.actor, j.traceparent, j.error as job_error"
        " from documents d join versions v on v.document_id = d.id join jobs j on j.version_id = v.id"
        " where d.parent_id = $1 and d.status <> 'deleting'"
        " and v.number = (select max(number) from versions n where n.document_id = d.id)",
        ids["document_id"],
    )
    assert all(row["public_id"].startswith(f"{ids['document_id']}/") for row in rows)
    return {row["public_id"].removeprefix(f"{ids['document_id']}/"): row for row in rows}


async def removed(bench: Bench, collection: str, ids: dict[str, str]) -> dict[str, int]:
    receipt = await Removal(bench.database, bench.blobs, bench.callees, "org_a").document(
        collection, ids["document_id"]
    )
    assert receipt.finished
    return receipt.counts


async def swept(bench: Bench) -> int:
    await bench.sql("update jobs set lease_until = now() where status = 'cancelled'")
    return await sweep(bench.database, bench.blobs, bench.callees, older_than_seconds=0)


async def left(bench: Bench) -> dict[str, int]:
    tables = ("documents", "versions", "jobs", "attachments")
    counts = {table: len(await bench.sql(f"select from {table}")) for table in tables}
    kept = [each async for portion in bench.blobs.listed("org_a") for each in portion]
    return {**counts, "points": len(bench.services.search.points), "files": len(kept)}


NOTHING = {"documents": 0, "versions": 0, "jobs": 0, "attachments": 0, "points": 0, "files": 0}


async def test_what_is_inside_becomes_documents_with_what_their_parent_says(bench: Bench) -> None:
    collection = await bench.collection()
    mail = holding("A mail. ", a_txt="the first. " * 500, sub__b_md="# the second")
    ids = await brought(bench, collection, mail, lane="interactive", metadata={"lang": "en"}, traceparent="00-a-b-01")
    found = await inside(bench, ids)
    assert set(found) == {"a.txt", "sub/b.md"}
    for row in found.values():
        assert (row["status"], row["number"], row["kind"], row["metadata"]) == ("ready", 1, "file", {"lang": "en"})
        assert (row["lane"], row["actor"], row["traceparent"]) == ("interactive", "key_x", "00-a-b-01")
    assert [found[each]["media_type"] for each in ("a.txt", "sub/b.md")] == ["text/plain", "text/markdown"]
    texts = await bench.visible(collection)
    assert sorted(texts.values()) == sorted(["A mail. ", "the first. " * 500, "# the second"])
    noted = await bench.sql("select document_id from attachments order by ordinal")
    assert [row[0] for row in noted] == [found[each]["id"] for each in ("a.txt", "sub/b.md")]


async def test_a_child_that_cannot_be_read_fails_by_itself(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("A mail. ", a_pdf="ENCRYPTED", b_txt="fine"))
    found = await inside(bench, ids)
    assert (await bench.document_row(ids))["status"] == "ready"
    assert (found["a.pdf"]["status"], found["a.pdf"]["error"]["reason"]) == ("failed", "encrypted")
    assert found["b.txt"]["status"] == "ready"


async def test_a_new_version_keeps_changes_adds_and_removes(bench: Bench) -> None:
    collection = await bench.collection()
    first = await brought(bench, collection, holding("One. ", same_txt="same", other_txt="old", gone_txt="gone"))
    before = await inside(bench, first)
    await brought(
        bench, collection, holding("Two. ", same_txt="same", other_txt="new", more_txt="more"), of=first["document_id"]
    )
    after = await inside(bench, first)
    assert {name: row["number"] for name, row in after.items()} == {"same.txt": 1, "other.txt": 2, "more.txt": 1}
    assert [after[each]["id"] for each in ("same.txt", "other.txt")] == [
        before[each]["id"] for each in ("same.txt", "other.txt")
    ]
    assert sorted((await bench.visible(collection)).values()) == sorted(["Two. ", "same", "new", "more", "gone"])
    assert await swept(bench) == 1
    assert sorted((await bench.visible(collection)).values()) == sorted(["Two. ", "same", "new", "more"])


async def test_a_version_that_fails_changes_nothing_inside(bench: Bench) -> None:
    collection = await bench.collection()
    first = await brought(bench, collection, holding("One. ", a_txt="a"))
    await brought(bench, collection, "ENCRYPTED", of=first["document_id"])
    assert {name: row["number"] for name, row in (await inside(bench, first)).items()} == {"a.txt": 1}


async def test_new_metadata_of_the_parent_reaches_what_is_inside(bench: Bench) -> None:
    collection = await bench.collection()
    text = holding("One. ", a_txt="a")
    first = await brought(bench, collection, text, metadata={"year": 1})
    await brought(bench, collection, text, of=first["document_id"], metadata={"year": 2})
    found = (await inside(bench, first))["a.txt"]
    assert (found["number"], found["metadata"]) == (2, {"year": 2})


async def test_equal_names_and_ids_of_others_are_kept_apart(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, 'A mail.\n@["a.txt", "1"]\n@["a.txt", "2"]\n@["../chunks", "3"]')
    foreign = await bench.document(collection, "foreign")
    taken = f"{ids['document_id']}/a.txt"
    await bench.sql("update documents set public_id = $2 where id = $1", foreign["document_id"], taken)
    async with bench.working():
        await bench.ended(ids)
        await settled(bench)
    assert set(await inside(bench, ids)) == {"a.txt~2", "a.txt~3", "chunks~2"}
    await brought(bench, collection, 'Again.\n@["a.txt", "1"]\n@["a.txt", "2"]', of=ids["document_id"])
    assert {name: row["number"] for name, row in (await inside(bench, ids)).items()} == {"a.txt~2": 1, "a.txt~3": 1}


async def test_depth_ends(bench: Bench) -> None:
    collection = await bench.collection()
    text = "innermost"
    for level in range(6, 0, -1):
        text = holding(f"level {level}", **{f"l{level}_txt": text})
    await brought(bench, collection, text)
    assert sorted((await bench.visible(collection)).values()) == [f"level {each}" for each in (1, 2, 3, 4)]
    asked = [each.attachments for each in bench.services.parser.starts]
    assert asked == [True, True, True, False]


async def test_deleting_the_parent_deletes_all_below_and_counts_it(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("A zip. ", mail_txt=holding("A mail. ", a_txt="a"), b_txt="b"))
    assert (await left(bench))["documents"] == 4
    counts = await removed(bench, collection, ids)
    assert (counts["documents"], counts["versions"], counts["blobs"], counts["chunks"], counts["jobs"]) == (4,) * 5
    assert await left(bench) == NOTHING
    (event,) = await bench.sql("select detail from audit_logs where event_type = 'document.removed'")
    assert event["detail"]["removed"]["documents"] == 4


async def test_deleting_a_child_leaves_its_parent_whole(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("A mail. ", a_txt="a", b_txt="b"))
    child = (await inside(bench, ids))["a.txt"]
    counts = await removed(bench, collection, {"document_id": child["public_id"]})
    assert (counts["documents"], counts["blobs"]) == (1, 0), "the bytes are of the parent's too"
    assert set(await inside(bench, ids)) == {"b.txt"}
    assert (await removed(bench, collection, ids))["blobs"] == 3
    assert await left(bench) == NOTHING


async def test_a_collection_goes_with_documents_inside_of_documents(bench: Bench) -> None:
    collection = await bench.collection()
    await brought(bench, collection, holding("A zip. ", mail_txt=holding("A mail. ", a_txt="a")))
    receipt = await Removal(bench.database, bench.blobs, bench.callees, "org_a").collection(collection)
    assert (receipt.finished, receipt.documents) == (True, 3)
    assert await left(bench) == NOTHING


async def test_a_restored_version_brings_its_documents_back(bench: Bench) -> None:
    collection = await bench.collection()
    first = await brought(bench, collection, holding("One. ", a_txt="old", gone_txt="gone"))
    await brought(bench, collection, holding("Two. ", a_txt="new", more_txt="more"), of=first["document_id"])
    await swept(bench)
    principal = Principal("org_a", "ws_org_a", "key_x", "usr_x", (), frozenset({"ingest"}), None)
    async with bench.database.transaction() as session:
        await restore(session, principal, collection, first["document_id"], 1)
    async with bench.working():
        await settled(bench)
    await swept(bench)
    assert {name: row["number"] for name, row in (await inside(bench, first)).items()} == {"a.txt": 3, "gone.txt": 1}
    assert sorted((await bench.visible(collection)).values()) == sorted(["One. ", "old", "gone"])
    await removed(bench, collection, first)
    assert await left(bench) == NOTHING


async def test_bytes_go_with_the_versions_that_are_kept_no_longer(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("0. ", first_txt="only in the first version"))
    for number in range(1, 5):
        await brought(bench, collection, holding(f"{number}. ", a_txt=f"of {number}"), of=ids["document_id"])
        await swept(bench)
    assert await prune(bench.database, bench.blobs) > 0
    hashes = {each.name async for portion in bench.blobs.listed("org_a", "blobs") for each in portion}
    kept = {hashlib.sha256(f"of {number}".encode()).hexdigest() for number in (2, 3, 4)}
    assert kept <= hashes
    assert hashlib.sha256(b"only in the first version").hexdigest() not in hashes
    assert len(await bench.sql("select from attachments")) == 3
    await removed(bench, collection, ids)
    assert await left(bench) == NOTHING


async def test_bytes_that_no_document_was_made_of_yet_are_not_swept(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, holding("A mail. ", a_txt="a"))
    bench.services.search.stamp.hook = away_after(0)
    async with bench.working():
        await until(lambda: bench.sql("select from flips"))
        assert await bench.sql("select from attachments")
        assert (await Originals(bench.database, bench.blobs, timedelta(0)).organisation("org_a"))["orphan_blob"] == 0
        bench.services.search.stamp.hook = lambda number: None
        await bench.ended(ids)
        await settled(bench)
    assert (await inside(bench, ids))["a.txt"]["status"] == "ready"


async def test_a_rebuild_makes_no_documents(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("A mail. ", a_txt="a"))
    counts = await left(bench)
    bench.services.search.points.clear()
    await bench.blobs.remove_artefact("org_a", ids["version_id"])
    async with bench.database.session() as session:
        await session(
            "rebuild_enqueue",
            id="job_rebuild",
            organisation_id="org_a",
            collection_id=collection,
            document_ids=[ids["document_id"]],
            traceparent=None,
            actor="key_x",
        )
    async with bench.working():
        await settled(bench)
    assert await left(bench) == {**counts, "jobs": counts["jobs"] + 1, "points": 1}


async def test_a_family_has_a_bound(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, holding("A zip. ", a_txt="a", b_txt="b", c_txt="c"))
    await bench.sql(
        "insert into documents (id, organisation_id, collection_id, public_id, name, status, parent_id)"
        " select 'doc_' || n, 'org_a', $1, 'x' || n, 'x', 'ready', case when n > 1 then 'doc_1' else $2 end"
        " from generate_series(1, $3::integer) n",
        collection,
        ids["document_id"],
        MOST_DOCUMENTS - 1,
    )
    await bench.sql("update documents set public_id = $1 || '/kept' where id = 'doc_1'", ids["document_id"])
    async with bench.working():
        await bench.ended(ids)
        await settled(bench)
    assert (await bench.version(ids))["warnings"][-1].startswith("attachments_left_out: ")


@pytest.mark.parametrize("nested", [False, True])
async def test_death_at_any_step_loses_no_document_and_makes_none_twice(bench: Bench, nested: bool) -> None:
    text = holding("A mail. ", a_txt="a", b_txt=holding("b ", c_txt="c") if nested else "b")
    whole = sorted(["A mail. ", "a", *(["b ", "c"] if nested else ["b"])])
    deaths = 0
    for dies_at in range(2, 60, 3 if nested else 2):
        collection = await bench.collection()
        ids = await bench.document(collection, text)
        await lived(bench, Mortal(dies_at), ids)
        deaths += (await bench.job(ids))["status"] != "succeeded"
        await bench.sql("update jobs set lease_until = now() - interval '1 second' where status = 'running'")
        async with bench.working():
            await bench.ended(ids)
            await settled(bench)
        assert sorted((await bench.visible(collection)).values()) == whole, dies_at
        documents = await bench.sql("select from documents where collection_id = $1", collection)
        assert len(documents) == len(whole), dies_at
        assert not [each async for portion in bench.blobs.listed("org_a", "uploads") for each in portion], dies_at
    assert deaths > 10
