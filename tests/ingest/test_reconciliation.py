"""The index compared with the records: what is too much goes, what is too little comes back, what is fresh stays."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.ingest.bench import Bench, book, plain, until

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.reconciliation import Reconciliation, Report
from lorekeep_gateway.removal import Removal

Ids = dict[str, str]


class Meanwhile:
    """Search, with something that happens when its index has been read and the rows have not."""

    def __init__(self, stub: Any, happens: Callable[[], Awaitable[object]]) -> None:
        self._happens = happens
        self._stub = stub
        self.Remove = stub.Remove

    async def Tally(self, request: search_pb2.TallyRequest) -> search_pb2.TallyResponse:
        answer: search_pb2.TallyResponse = await self._stub.Tally(request)
        await self._happens()
        return answer


async def _ready(bench: Bench, collection: str, *texts: str, of: str = "") -> list[Ids]:
    made = [await bench.document(collection, text, of=of) for text in texts]
    async with bench.working():
        for each in made:
            assert (await bench.ended(each))["status"] == "succeeded"
    return made


async def _compared(
    bench: Bench, collection: str, meanwhile: Callable[[], Awaitable[object]] | None = None, **more: Any
) -> Report:
    search = Meanwhile(bench.callees.search, meanwhile) if meanwhile else bench.callees.search
    callees = replace(bench.callees, search=search)
    return await Reconciliation(bench.database, callees, **more).collection("org_a", collection)


def _points(bench: Bench, version_id: str) -> list[str]:
    return [key for key, each in bench.services.search.points.items() if each.chunk.version_id == version_id]


def _lose(bench: Bench, version_id: str, count: int) -> None:
    for key in _points(bench, version_id)[:count]:
        del bench.services.search.points[key]


def _copy(bench: Bench, source: str, **changed: str) -> None:
    """Points of a version once more, as if they were of another."""
    points = bench.services.search.points
    for key in _points(bench, source):
        chunk = search_pb2.IndexedChunk()
        chunk.CopyFrom(points[key].chunk)
        chunk.chunk_id = f"{key}-{sorted(changed.values())}"
        for name, each in changed.items():
            setattr(chunk, name, each)
        points[chunk.chunk_id] = replace(points[key], chunk=chunk)


async def test_a_sound_collection_is_left_as_it_is(bench: Bench) -> None:
    collection = await bench.collection()
    await _ready(bench, collection, book(2), book(3))
    before = dict(bench.services.search.points)
    assert await _compared(bench, collection) == Report(documents_checked=2)
    assert bench.services.search.points == before


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_points_of_versions_that_are_gone_are_removed(bench: Bench, page: int) -> None:
    collection, other = await bench.collection(), await bench.collection()
    made, elsewhere = await _ready(bench, collection, *[book(2)] * 3), await _ready(bench, other, book(2))
    for number in range(4):
        _copy(bench, made[0]["version_id"], version_id=f"ver_gone{number}")
    _copy(bench, elsewhere[0]["version_id"], version_id="ver_gone")
    kept = len(_points(bench, made[0]["version_id"]))
    report = await _compared(bench, collection, page=page)
    assert report == Report(3, 0, 0, orphan_versions_removed=4, chunks_removed=4 * kept)
    assert {each.chunk.version_id for each in bench.services.search.points.values()} == {
        *(each["version_id"] for each in made),
        elsewhere[0]["version_id"],
        "ver_gone",
    }
    rows = await bench.sql("select target, actor, detail from audit_logs where event_type = 'sweeper.finding'")
    assert [(row["target"], row["actor"], row["detail"]["count"]) for row in rows] == [(collection, "system", 4)]


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_what_lacks_chunks_is_rebuilt_once(bench: Bench, page: int) -> None:
    collection = await bench.collection()
    sound, partly, wholly = await _ready(bench, collection, book(2), book(2), book(2))
    _lose(bench, partly["version_id"], 1)
    _lose(bench, wholly["version_id"], 99)
    report = await _compared(bench, collection, page=page, actor="key_x")
    assert report == Report(documents_checked=3, versions_missing_chunks=2, jobs_queued=2)
    rows = await bench.sql("select version_id, actor from jobs where kind = 'rebuild'")
    assert {row["version_id"] for row in rows} == {partly["version_id"], wholly["version_id"]}
    assert {row["actor"] for row in rows} == {"key_x"}
    assert (await _compared(bench, collection, page=page)).jobs_queued == 0
    assert _points(bench, sound["version_id"])


async def test_points_that_are_hidden_do_not_count_as_standing(bench: Bench) -> None:
    collection = await bench.collection()
    (made,) = await _ready(bench, collection, book(2))
    for key in _points(bench, made["version_id"])[:2]:
        bench.services.search.points[key].to_epoch = 1
    assert (await _compared(bench, collection)).jobs_queued == 1


async def test_leftovers_of_swept_versions_are_removed_and_the_unswept_left_to_the_sweep(bench: Bench) -> None:
    collection = await bench.collection()
    (old,) = await _ready(bench, collection, book(1))
    (new,) = await _ready(bench, collection, book(2), of=old["document_id"])
    count = len(_points(bench, old["version_id"]))
    assert (await _compared(bench, collection)).orphan_versions_removed == 0
    await bench.sql("update versions set indexed = false where id = $1", old["version_id"])
    assert await _compared(bench, collection) == Report(1, 0, 0, orphan_versions_removed=1, chunks_removed=count)
    assert await bench.visible(collection) == {new["version_id"]: plain(book(2))}


async def test_a_version_that_becomes_ready_meanwhile_keeps_its_points(bench: Bench) -> None:
    collection = await bench.collection()
    (old,) = await _ready(bench, collection, book(1))
    seen: list[Ids] = []

    async def upload() -> None:
        seen.extend(await _ready(bench, collection, book(3), book(2)))
        seen.extend(await _ready(bench, collection, book(2), of=old["document_id"]))

    report = await _compared(bench, collection, upload)
    assert (report.jobs_queued, report.orphan_versions_removed) == (0, 0)
    assert set(await bench.visible(collection)) == {each["version_id"] for each in seen}


async def test_a_version_under_way_is_left_alone(bench: Bench) -> None:
    """Its points are in the index already, its job waits for the next worker."""
    collection = await bench.collection()
    await _ready(bench, collection, book(1))
    made = await bench.document(collection, book(3))
    bench.services.search.stamp.hook = lambda number: _raise(errors.Unavailable("Away."))
    async with bench.working(drain_seconds=0.2):
        await _until_indexed(bench, made["version_id"])
        report = await _compared(bench, collection)
    assert (report.orphan_versions_removed, report.jobs_queued) == (0, 0)
    assert _points(bench, made["version_id"])


async def test_a_retry_that_begins_meanwhile_keeps_what_it_writes(bench: Bench) -> None:
    collection = await bench.collection()
    (made,) = await _ready(bench, collection, book(2))
    await bench.sql("update documents set version_id = null, status = 'failed'")
    await bench.sql("update versions set status = 'failed', indexed = false, retired_at = now()")

    async def retry() -> None:
        again = {**made, "id": "job_again", "organisation_id": "org_a", "collection_id": collection}
        given = {"lane": "bulk", "traceparent": None, "actor": "key_x", "deadline_at": None}
        async with bench.database.session() as session:
            await session("enqueue_job", **again, **given)
        async with bench.working():
            assert (await bench.ended(again))["status"] == "succeeded"

    assert (await _compared(bench, collection, retry)).orphan_versions_removed == 0
    assert await bench.visible(collection) == {made["version_id"]: plain(book(2))}


async def test_what_an_open_flip_speaks_of_is_left_alone(bench: Bench) -> None:
    collection = await bench.collection()
    (made,) = await _ready(bench, collection, book(2))
    _lose(bench, made["version_id"], 1)
    await bench.sql(
        "insert into flips (collection_id, organisation_id, epoch, versions, job_id) values ($1, 'org_a', 2, $2, 'x')",
        collection,
        [{"document_id": made["document_id"], "version_id": "ver_new", "previous_version_id": made["version_id"]}],
    )
    assert (await _compared(bench, collection)).versions_missing_chunks == 0
    await bench.sql("delete from flips")
    assert (await _compared(bench, collection)).versions_missing_chunks == 1


async def test_a_rebuild_that_ends_meanwhile_is_not_asked_for_again(bench: Bench) -> None:
    collection = await bench.collection()
    (made,) = await _ready(bench, collection, book(2))
    _lose(bench, made["version_id"], 1)

    async def rebuilt() -> None:
        await bench.sql("update jobs set finished_at = clock_timestamp() where id = $1", made["id"])

    assert (await _compared(bench, collection, rebuilt)).versions_missing_chunks == 0
    assert (await _compared(bench, collection)).versions_missing_chunks == 1


async def test_a_document_that_is_deleted_meanwhile_is_the_removals_own(bench: Bench) -> None:
    collection = await bench.collection()
    made, kept = await _ready(bench, collection, book(2), book(1))

    async def delete() -> None:
        removal = Removal(bench.database, bench.blobs, bench.callees, "org_a")
        assert (await removal.document(collection, made["document_id"])).finished

    assert await _compared(bench, collection, delete) == Report(documents_checked=1)
    assert set(await bench.visible(collection)) == {kept["version_id"]}


async def test_an_index_that_is_away_is_told(bench: Bench) -> None:
    collection = await bench.collection()
    await _ready(bench, collection, book(1))
    bench.services.search.tally.hook = lambda number: _raise(errors.Overloaded("Full."))
    with pytest.raises(errors.Overloaded):
        await _compared(bench, collection)


def _raise(error: Exception) -> None:
    raise error


async def _until_indexed(bench: Bench, version_id: str) -> None:
    async def flipping() -> bool:
        return bool(await bench.sql("select from flips"))

    await until(flipping)
    assert _points(bench, version_id)
