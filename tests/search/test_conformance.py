"""What every vector store must do, seen through the service's own classes. Runs against each adapter."""

import pytest
from tests.search import samples
from tests.search.conftest import Index
from tests.search.samples import chunk, scope, search

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors

TEXTS = ("wild duck on the lake", "red rose in the garden", "a receipt for headphones")


async def filled(index: Index) -> search_pb2.IndexSpace:
    space = samples.space()
    await index.add(space, *(chunk(text, number) for number, text in enumerate(TEXTS)))
    return space


@pytest.mark.parametrize("mode", ["HYBRID", "DENSE", "LEXICAL", "UNSPECIFIED"])
async def test_the_right_chunk_comes_first_in_every_mode(index: Index, mode: str) -> None:
    space = await filled(index)
    answer = await index.searcher.search(search(space, "duck lake", mode=mode))
    best = answer.hits[0]
    assert best.chunk == chunk(TEXTS[0], 0)
    assert 0 <= best.score <= 1
    assert best.scores.HasField("dense") == (mode != "LEXICAL")
    assert best.scores.HasField("lexical") == (mode != "DENSE")


async def test_leg_scores_are_the_cosine_and_bm25(index: Index) -> None:
    space = await filled(index)
    answer = await index.searcher.search(search(space, TEXTS[0]))
    assert answer.hits[0].scores.dense == pytest.approx(1.0, abs=1e-4)
    assert answer.hits[0].scores.lexical > 1
    assert {each.stage for each in answer.stages} == {"embed", "dense", "lexical", "fuse"}


async def test_chunks_are_invisible_until_they_are_stamped(index: Index) -> None:
    space = samples.space()
    await index.indexer.prepare(search_pb2.PrepareRequest(space=space))
    assert await index.indexer.upsert(samples.upsert(space, [chunk("a duck")])) == 1
    assert await index.texts(search(space, "duck", epoch=2**53 - 2)) == []
    assert await index.indexer.count(scope(space)) == 1


async def test_a_flip_shows_the_new_version_and_hides_the_old_at_one_epoch(index: Index) -> None:
    space = samples.space()
    await index.add(space, chunk("old duck", version="v1"), epoch=4)
    await index.indexer.upsert(samples.upsert(space, [chunk("new duck", version="v2")]))
    both = [
        search_pb2.VersionStamp(version_id="v2", from_epoch=5),
        search_pb2.VersionStamp(version_id="v1", to_epoch=5),
    ]
    await index.indexer.stamp(search_pb2.StampRequest(space=space, collection_id="col", stamps=both))
    seen = {epoch: await index.texts(search(space, "duck", epoch=epoch)) for epoch in (3, 4, 5, 6)}
    assert seen == {3: [], 4: ["old duck"], 5: ["new duck"], 6: ["new duck"]}


async def test_what_was_put_back_is_shown_and_what_stands_keeps_its_epochs(index: Index) -> None:
    space = samples.space()
    await index.add(space, chunk("old duck", 0), epoch=4)
    await index.indexer.upsert(samples.upsert(space, [chunk("duck put back", 1)]))
    await index.indexer.stamp(samples.stamp(space, from_epoch=7, unseen_only=True))
    seen = {epoch: sorted(await index.texts(search(space, "duck", epoch=epoch))) for epoch in (3, 4, 6, 7)}
    assert seen == {3: [], 4: ["old duck"], 6: ["old duck"], 7: ["duck put back", "old duck"]}


async def test_writing_again_neither_doubles_nor_hides_what_is_visible(index: Index) -> None:
    space = await filled(index)
    again = samples.upsert(space, [chunk(text, number) for number, text in enumerate(TEXTS)])
    await index.indexer.upsert(again)
    assert await index.indexer.count(scope(space)) == len(TEXTS)
    assert (await index.texts(search(space, "duck")))[0] == TEXTS[0]


async def test_writing_again_after_the_end_makes_a_version_anew(index: Index) -> None:
    space = await filled(index)
    await index.indexer.stamp(samples.stamp(space, to_epoch=2))
    await index.indexer.upsert(samples.upsert(space, [chunk(TEXTS[0], 0)]))
    await index.indexer.stamp(samples.stamp(space, from_epoch=3))
    assert await index.texts(search(space, "duck", epoch=3)) == [TEXTS[0]]


async def test_targets_are_each_seen_at_their_own_epoch_and_generation(index: Index) -> None:
    space = samples.space()
    await index.add(space, chunk("duck one", collection="a", version="va"), epoch=1)
    await index.add(space, chunk("duck two", collection="b", version="vb"), epoch=7)
    both = [samples.target(1, "a"), samples.target(7, "b")]
    assert sorted(await index.texts(search(space, "duck", targets=both))) == ["duck one", "duck two"]
    swapped = [samples.target(7, "a", "gen_other"), samples.target(1, "b")]
    assert await index.texts(search(space, "duck", targets=swapped)) == []


async def test_removal_takes_a_scope_and_nothing_else(index: Index) -> None:
    space = samples.space()
    await index.add(space, chunk("x", document="d1", version="v1"), chunk("y", 1, document="d1", version="v1"))
    await index.add(space, chunk("x", document="d1", version="v2"))
    await index.add(space, chunk("x", document="d2", version="v3"))
    assert await index.indexer.remove(scope(space, document="d1", version="v1")) == 2
    assert await index.indexer.remove(scope(space, document="d1", version="v1")) == 0
    assert await index.indexer.count(scope(space)) == 2
    assert await index.indexer.remove(scope(space, document="d1")) == 1
    assert await index.indexer.remove(scope(space)) == 1


async def test_chunks_are_listed_in_order(index: Index) -> None:
    space = samples.space()
    await index.add(space, *(chunk(f"part {number}", number) for number in reversed(range(70))))
    request = search_pb2.ListChunksRequest(scope=scope(space, version="ver"), from_ordinal=10, limit=5)
    listed = await index.indexer.listed(request)
    assert listed == [chunk(f"part {number}", number) for number in range(10, 15)]
    request.from_ordinal = 68
    assert [each.chunk.ordinal for each in await index.indexer.listed(request)] == [68, 69]


async def test_a_document_gives_no_more_hits_than_asked_for(index: Index) -> None:
    space = samples.space()
    await index.add(space, *(chunk(f"duck {number}", number, document="long") for number in range(200)))
    await index.add(space, chunk("duck among many others here", document="short", version="v2"))
    answer = await index.searcher.search(search(space, "duck", limit=2, per_document=1))
    assert sorted(each.chunk.document_id for each in answer.hits) == ["long", "short"]


async def test_a_space_that_was_never_prepared_is_empty_and_not_written_to(index: Index) -> None:
    space = samples.space()
    assert await index.texts(search(space, "duck")) == []
    assert await index.indexer.count(scope(space)) == 0
    assert await index.indexer.remove(scope(space)) == 0
    await index.indexer.stamp(samples.stamp(space, from_epoch=1))
    request = search_pb2.ListChunksRequest(scope=scope(space, version="ver"), limit=1)
    assert await index.indexer.listed(request) == []
    with pytest.raises(errors.NotFound) as caught:
        await index.indexer.upsert(samples.upsert(space, [chunk("x")]))
    assert caught.value.reason == "space_not_prepared"


async def test_a_space_keeps_to_its_model(index: Index) -> None:
    space = await filled(index)
    await index.indexer.prepare(search_pb2.PrepareRequest(space=space))
    other = samples.space(space.fingerprint, distance="dot")
    with pytest.raises(errors.ModelMismatch):
        await index.indexer.prepare(search_pb2.PrepareRequest(space=other))
    with pytest.raises(errors.ModelMismatch):
        await index.indexer.upsert(samples.upsert(other, [chunk("x")]))
    short = samples.upsert(space, [chunk("x")])
    short.vectors = short.vectors[:-4]
    with pytest.raises(errors.ModelMismatch):
        await index.indexer.upsert(short)


async def test_the_health_of_a_store_that_serves_is_ok(index: Index) -> None:
    assert (await index.store.health())["status"] == "ok"
