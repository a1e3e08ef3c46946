"""Counting chunks by version, against each adapter."""

import pytest
from tests.search import samples
from tests.search.conftest import Index
from tests.search.samples import chunk, scope

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_search.tallies import Tallies


def told(versions: list[search_pb2.VersionTally]) -> list[tuple[str, str, int, int]]:
    return [(each.version_id, each.document_id, each.chunk_count, each.standing_count) for each in versions]


async def test_versions_are_counted_with_what_stands(index: Index) -> None:
    space = samples.space()
    await index.add(space, *(chunk(f"part {number}", number, document="d1", version="v1") for number in range(3)))
    await index.indexer.upsert(samples.upsert(space, [chunk("new", document="d1", version="v2")]))
    await index.add(space, chunk("old", document="d2", version="v3"))
    await index.indexer.stamp(samples.stamp(space, "v3", to_epoch=2))
    await index.add(space, chunk("elsewhere", collection="other", version="v4"))
    counted = await index.indexer.tallied(search_pb2.TallyRequest(scope=scope(space)))
    assert told(counted) == [("v1", "d1", 3, 3), ("v2", "d1", 1, 0), ("v3", "d2", 1, 0)]
    of_document = search_pb2.TallyRequest(scope=scope(space, document="d2"))
    assert told(await index.indexer.tallied(of_document)) == [("v3", "d2", 1, 0)]


async def test_pages_follow_each_other_by_version(index: Index) -> None:
    space = samples.space()
    for number in range(7):
        await index.add(space, chunk("x", version=f"v{number}"), chunk("y", 1, version=f"v{number}"))
    seen: list[tuple[str, int]] = []
    while True:
        after = seen[-1][0] if seen else ""
        request = search_pb2.TallyRequest(scope=scope(space), after_version_id=after, limit=3)
        page = await index.indexer.tallied(request)
        seen += [(each.version_id, each.chunk_count) for each in page]
        if len(page) < 3:
            break
    assert seen == [(f"v{number}", 2) for number in range(7)]


async def test_a_long_version_is_counted_over_many_portions(index: Index) -> None:
    space = samples.space()
    await index.indexer.prepare(search_pb2.PrepareRequest(space=space))
    for begin in range(0, 1200, 200):
        chunks = [chunk("x", number) for number in range(begin, begin + 200)]
        await index.indexer.upsert(samples.upsert(space, chunks))
    counted = await index.indexer.tallied(search_pb2.TallyRequest(scope=scope(space)))
    assert told(counted) == [("ver", "doc", 1200, 0)]


async def test_a_tally_of_nothing_is_empty_and_of_one_version_refused(index: Index) -> None:
    space = samples.space()
    assert await index.indexer.tallied(search_pb2.TallyRequest(scope=scope(space))) == []
    for wrong in (
        search_pb2.TallyRequest(scope=scope(space, version="v")),
        search_pb2.TallyRequest(scope=scope(space), limit=1001),
        search_pb2.TallyRequest(scope=scope(space, collection="")),
    ):
        with pytest.raises(errors.InvalidInput):
            await index.indexer.tallied(wrong)


def test_a_page_is_right_and_small_in_whatever_order_points_come() -> None:
    page = Tallies("v10", 3)
    versions = [f"v{number}" for number in (99, 50, 12, 11, 10, 98, 13, 97, 12, 14, 96, 11, 50)]
    for version in versions:
        page.add({"version_id": version, "document_id": "d"})
        assert len(page._versions) <= 6
    assert [(each.version_id, each.chunk_count) for each in page.page] == [("v11", 2), ("v12", 2), ("v13", 1)]
