"""Jobs that the code before began: what it left is gone on with, or done again, with the same end."""

from typing import Any

from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.crashes import Mortal
from tests.ingest.test_crashes import lived
from tests.ingest.test_resume import points
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors

_PAGES = 8


async def _half_done(bench: Bench) -> tuple[str, dict[str, str]]:
    """A document of which half is read and indexed, two elements a chunk, when its worker is told to end."""
    parser = bench.services.parser
    parser.elements_a_chunk, parser.batch.calls = 2, 0
    parser.batch.hook = failing(10_000, errors.Unavailable("away"), at=3)
    collection = await bench.collection()
    ids = await bench.document(collection, book(_PAGES))

    async def begun() -> Any:
        return (await bench.job(ids))["checkpoint"].get("chunks")

    async with bench.working(drain_seconds=0.05, embed_batch_chunks=2):
        await until(begun)
    parser.batch.hook = lambda number: None
    assert 0 < (await bench.job(ids))["checkpoint"]["chunks"] < _PAGES
    return collection, ids


async def _replaced(bench: Bench, ids: dict[str, str]) -> list[int]:
    """Another parser: it cuts otherwise and knows no state that was given before. Gives the calls that it refused."""
    refused: list[int] = []
    known = (await bench.job(ids))["parse_state"]
    assert known

    def hook(number: int) -> None:
        if bench.services.parser.starts[-1].resume_state == known:
            refused.append(number)
            raise errors.InvalidInput("Start anew.", reason="resume_state_invalid")

    bench.services.parser.elements_a_chunk = 5
    bench.services.parser.parse.hook = hook
    return refused


async def test_a_document_is_whole_though_the_new_code_cuts_it_otherwise(bench: Bench) -> None:
    bench.services.parser.elements_a_chunk = 5
    undisturbed = await bench.document(await bench.collection(), book(_PAGES))
    async with bench.working():
        await bench.ended(undisturbed)
    wanted = points(bench)
    bench.services.search.points.clear()
    collection, ids = await _half_done(bench)
    refused = await _replaced(bench, ids)
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], len(refused), job["parsed"]["anew"]) == ("succeeded", 1, False)
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(_PAGES))}
    assert points(bench) == wanted


async def test_death_at_any_step_of_beginning_anew_leaves_nothing_of_before(bench: Bench) -> None:
    deaths = 0
    for dies_at in range(1, 26, 2):
        bench.services.search.points.clear()
        bench.services.parser.parse.hook = lambda number: None
        collection, ids = await _half_done(bench)
        await _replaced(bench, ids)
        await lived(bench, Mortal(dies_at), ids)
        deaths += (await bench.job(ids))["status"] != "succeeded"
        await bench.sql("update jobs set lease_until = now() - interval '1 second' where status = 'running'")
        async with bench.working():
            job = await bench.ended(ids)
        assert job["status"] == "succeeded", (dies_at, job["error"])
        assert await bench.visible(collection) == {ids["version_id"]: plain(book(_PAGES))}, dies_at
        assert len(bench.services.search.points) == 5, dies_at
    assert deaths > 5
