"""Families under strain: full ones, children that their users touch, parents that are cancelled, many at once."""

import asyncio
from random import Random
from typing import Any

import pytest
from tests.ingest.bench import Bench, until
from tests.ingest.test_attachments import NOTHING, brought, holding, inside, left, removed, settled, swept
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_gateway.ingest.attachments import MOST_DOCUMENTS
from lorekeep_gateway.removal import Removal


async def test_a_full_family_keeps_its_documents_when_it_is_read_again(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("One. ", a_txt="a", b_txt="b"))
    await bench.sql(
        "insert into documents (id, organisation_id, collection_id, public_id, name, status, parent_id)"
        " select 'doc_' || n, 'org_a', $1, 'x' || n, 'x', 'ready',"
        " (select id from documents where public_id = $2 || '/a.txt') from generate_series(1, $3::integer) n",
        collection,
        ids["document_id"],
        MOST_DOCUMENTS - 2,
    )
    await brought(bench, collection, holding("Two. ", a_txt="a", b_txt="new"), of=ids["document_id"])
    assert {name: row["number"] for name, row in (await inside(bench, ids)).items()} == {"a.txt": 1, "b.txt": 2}


async def test_what_is_inside_is_read_as_its_parent_is(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, holding("A zip. ", mail_txt=holding("A mail. ", a_txt="a")))
    await bench.sql("""update versions set reading = '{"strategy": "ocr_only", "languages": ["deu"]}'""")
    async with bench.working():
        await bench.ended(ids)
        await settled(bench)
    assert [(each.strategy, list(each.languages)) for each in bench.services.parser.starts] == [(3, ["deu"])] * 3
    again = await bench.document(collection, holding("A zip. ", mail_txt=holding("A mail. ", a_txt="a")),
                                 of=ids["document_id"])  # fmt: skip
    async with bench.working():
        await bench.ended(again)
        await settled(bench)
    assert (await inside(bench, ids))["mail.txt"]["number"] == 2, "it is to be read in another way"
    assert [each.strategy for each in bench.services.parser.starts[3:]] == [1] * 3


async def test_a_version_that_a_user_gave_a_child_stays_until_its_parent_is_read_again(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("A mail. ", a_txt="a"))
    child = (await inside(bench, ids))["a.txt"]
    await brought(bench, collection, holding("mine ", own_txt="own"), of=child["id"])
    assert sorted((await bench.visible(collection)).values()) == ["A mail. ", "mine ", "own"]
    await brought(bench, collection, holding("A letter. ", a_txt="a"), of=ids["document_id"])
    assert (await inside(bench, ids))["a.txt"]["number"] == 3
    await swept(bench)
    assert sorted((await bench.visible(collection)).values()) == ["A letter. ", "a"]
    await removed(bench, collection, ids)
    assert await left(bench) == NOTHING


@pytest.mark.parametrize("swept_first", [False, True])
async def test_a_child_that_was_deleted_comes_again_with_the_next_version(bench: Bench, swept_first: bool) -> None:
    collection = await bench.collection()
    ids = await brought(bench, collection, holding("A mail. ", a_txt="a", b_txt="b"))
    child = (await inside(bench, ids))["a.txt"]
    await bench.sql("update documents set status = 'deleting' where id = $1", child["id"])
    await brought(bench, collection, holding("A letter. ", a_txt="a", b_txt="b"), of=ids["document_id"])
    found = await inside(bench, ids)
    assert (found["a.txt"]["status"], found["a.txt"]["id"] != child["id"]) == ("ready", True)
    if swept_first:
        assert await swept(bench) == 1
    await removed(bench, collection, ids)
    assert await left(bench) == NOTHING


async def test_a_parent_that_is_cancelled_midway_has_no_documents_and_may_be_tried_again(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, holding("A mail. ", a_txt="a") + "\f\f\fend")
    bench.services.parser.batch.hook = failing(10_000, errors.Unavailable("away"), at=2)
    async with bench.working():
        await until(lambda: bench.sql("select from attachments"))
        await bench.sql("update jobs set cancel_requested = true")
        assert (await bench.ended(ids))["status"] == "cancelled"
        await settled(bench)
    assert await inside(bench, ids) == {}
    bench.services.parser.batch.hook = lambda number: None
    await bench.sql("update jobs set status = 'queued', cancel_requested = false, run_after = now()")
    async with bench.working():
        assert (await bench.ended(ids))["status"] == "succeeded"
        await settled(bench)
    assert set(await inside(bench, ids)) == {"a.txt"}
    await removed(bench, collection, ids)
    assert await left(bench) == NOTHING


async def test_an_archive_of_many_keeps_no_other_organisation_waiting(bench: Bench) -> None:
    members = {f"m{number}_txt": f"member {number}" for number in range(150)}
    collection = await bench.collection()
    ids = await bench.document(collection, holding("A zip. ", **members), lane="interactive")
    other = await bench.collection("org_b")
    async with bench.working():
        await bench.ended(ids)
        single = await bench.document(other, "single", lane="bulk")
        await bench.ended(single)
        waiting = await bench.sql("select from jobs where organisation_id = 'org_a' and status = 'queued'")
        await settled(bench)
    assert len(waiting) > 75
    assert len(await inside(bench, ids)) == 150


async def _deleted(bench: Bench, collection: str, public_id: str) -> None:
    for _ in range(20):
        try:
            await Removal(bench.database, bench.blobs, bench.callees, "org_a").document(collection, public_id)
        except errors.NotFound:
            return
        except errors.Unavailable:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"{public_id} could not be deleted")


async def _troubled(bench: Bench, collection: str, number: int) -> dict[str, str]:
    """A family that is given new versions while its members are deleted; gives the ids of its parent."""
    chance = Random(number)

    def text(version: int) -> str:
        names = chance.sample(["a_txt", "b_txt", "c_txt", "d_txt"], 3)
        inner = holding(f"inner {version} ", x_txt=f"x {version}", y_txt="y")
        return holding(f"{number}.{version} ", **{name: inner if name == "a_txt" else f"{version}" for name in names})

    ids = await bench.document(collection, text(0))
    for version in range(1, 4):
        await asyncio.sleep(chance.uniform(0, 0.3))
        ids = await bench.document(collection, text(version), of=ids["document_id"])
        await asyncio.sleep(chance.uniform(0, 0.3))
        await _deleted(bench, collection, f"{ids['document_id']}/{chance.choice('abcd')}.txt")
    if number % 2:
        await _deleted(bench, collection, ids["document_id"])
    return ids


async def test_many_families_at_once_end_whole_or_gone(bench: Bench) -> None:
    collection = await bench.collection()
    async with bench.working(), bench.working():
        families = await asyncio.gather(*(_troubled(bench, collection, number) for number in range(8)))
        await until(lambda: _quiet(bench), 60)
    while await bench.sql("select from documents where status = 'deleting'"):
        await swept(bench)
    assert not await bench.sql("select from flips")
    assert not await bench.sql("select from jobs where status = 'failed' or dead")
    for number, ids in enumerate(families):
        rows = await bench.sql("select status from documents where id = $1", ids["document_id"])
        assert [row["status"] for row in rows] == ([] if number % 2 else ["ready"]), number
    orphans = "select from documents d where parent_id is not null and not exists (select from documents p where p.id = d.parent_id)"  # noqa: E501
    assert not await bench.sql(orphans)
    assert not await bench.sql("select from documents where status <> 'ready'")
    for _, ids in filter(lambda each: each[0] % 2 == 0, enumerate(families)):
        await removed(bench, collection, ids)
    assert await left(bench) == NOTHING


async def _quiet(bench: Bench) -> Any:
    return not await bench.sql("select from jobs where status in ('queued', 'running')") and not await bench.sql(
        "select from flips"
    )
