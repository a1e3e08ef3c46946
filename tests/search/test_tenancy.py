"""No call reaches another organisation's chunks, whatever it asks; run against each adapter."""

import pytest
from tests.search import samples
from tests.search.conftest import Index
from tests.search.samples import OTHER, chunk, scope, search

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_search.points import point_id
from lorekeep_search.tenancy import Within


async def shared(index: Index) -> search_pb2.IndexSpace:
    """A space with the first organisation's chunk, in which the other asks with the same ids."""
    space = samples.space()
    await index.add(space, chunk("secret duck"))
    return space


@pytest.mark.parametrize("mode", ["HYBRID", "DENSE", "LEXICAL"])
async def test_another_organisation_finds_nothing(index: Index, mode: str) -> None:
    space = await shared(index)
    with samples.calling_as(OTHER):
        assert await index.texts(search(space, "secret duck", mode=mode)) == []


async def test_another_organisation_counts_and_lists_nothing(index: Index) -> None:
    space = await shared(index)
    with samples.calling_as(OTHER):
        assert await index.indexer.count(scope(space)) == 0
        request = search_pb2.ListChunksRequest(scope=scope(space, version="ver"), limit=10)
        assert await index.indexer.listed(request) == []
        assert await index.indexer.tallied(search_pb2.TallyRequest(scope=scope(space))) == []


async def test_another_organisation_removes_and_stamps_nothing(index: Index) -> None:
    space = await shared(index)
    with samples.calling_as(OTHER):
        assert await index.indexer.remove(scope(space)) == 0
        await index.indexer.stamp(samples.stamp(space, to_epoch=1))
    assert await index.texts(search(space, "duck")) == ["secret duck"]


async def test_another_organisation_cannot_write_over_a_chunk(index: Index) -> None:
    space = await shared(index)
    forged = chunk("secret duck")
    forged.chunk.text = "forged duck"
    with samples.calling_as(OTHER):
        await index.add(space, forged)
        assert await index.texts(search(space, "duck")) == ["forged duck"]
    assert await index.texts(search(space, "duck")) == ["secret duck"]
    assert await index.indexer.count(scope(space)) == 1


async def test_another_organisation_cannot_fetch_by_id(index: Index) -> None:
    space = await shared(index)
    stored = point_id(samples.ORGANISATION, chunk("secret duck").chunk_id)
    assert list(await index.store.fetch(space, Within(samples.ORGANISATION), [stored])) == [stored]
    assert await index.store.fetch(space, Within(OTHER), [stored]) == {}


async def test_scores_do_not_tell_of_another_organisations_words(index: Index) -> None:
    space = await shared(index)
    before = (await index.searcher.search(search(space, "duck", mode="LEXICAL"))).hits[0].scores.lexical
    with samples.calling_as(OTHER):
        await index.add(space, *(chunk(f"duck {number}", number) for number in range(30)))
    after = (await index.searcher.search(search(space, "duck", mode="LEXICAL"))).hits[0].scores.lexical
    assert after == pytest.approx(before, rel=1e-6)


async def test_a_call_without_organisation_is_refused_everywhere(index: Index) -> None:
    space = await shared(index)
    listing = search_pb2.ListChunksRequest(scope=scope(space, version="ver"), limit=10)
    with samples.calling_as(" "):
        for call in (
            index.searcher.search(search(space, "duck")),
            index.indexer.prepare(search_pb2.PrepareRequest(space=space)),
            index.indexer.upsert(samples.upsert(space, [chunk("x")])),
            index.indexer.stamp(samples.stamp(space, from_epoch=1)),
            index.indexer.remove(scope(space)),
            index.indexer.count(scope(space)),
            index.indexer.listed(listing),
            index.indexer.tallied(search_pb2.TallyRequest(scope=scope(space))),
        ):
            with pytest.raises(errors.PermissionDenied):
                await call
