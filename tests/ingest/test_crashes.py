"""Whatever step a worker dies at, its successor ends the job: one visible version, nothing lost, nothing double."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from tests.ingest.bench import Bench, book, plain
from tests.ingest.crashes import Died, Mortal, MortalBlobs, MortalDatabase

from lorekeep_gateway.bell import Bell
from lorekeep_gateway.ingest.role import Ingest

_OLD, _NEW = "old text. ", book(4, "new")
_CHUNKS_OF_A_BATCH = 2


async def lived(bench: Bench, mortal: Mortal, ids: dict[str, str]) -> None:
    """Runs a worker until it dies, or until the job has ended."""
    blobs = MortalBlobs(bench.blobs, mortal)
    ingest = Ingest(MortalDatabase(bench.database, mortal), blobs, bench.callees, bench.settings, Bell(None))
    loop = asyncio.create_task(ingest.worker.run())
    with suppress(Died):
        await asyncio.wait({loop, asyncio.create_task(bench.ended(ids))}, return_when=asyncio.FIRST_COMPLETED)
        if loop.done():
            loop.result()
    loop.cancel()
    with suppress(asyncio.CancelledError, Died):
        await loop


async def _expire(bench: Bench) -> None:
    await bench.sql("update jobs set lease_until = now() - interval '1 second' where status = 'running'")


def _forget(bench: Bench) -> None:
    """What was done so far is counted no more."""
    bench.services.embedder.texts.clear()
    bench.services.search.written.clear()


def _repeated(done: Iterable[object]) -> int:
    """How often something was done that had been done before."""
    return sum(count - 1 for count in Counter(done).values())


async def _steps(bench: Bench) -> int:
    """How many steps an undisturbed run has, up to the row that says that it ended."""
    collection = await bench.collection()
    ids = await bench.document(collection, _NEW)
    mortal = Mortal()
    ingest = Ingest(
        MortalDatabase(bench.database, mortal),
        MortalBlobs(bench.blobs, mortal),
        bench.callees,
        bench.settings,
        Bell(None),
    )
    async with bench.working(ingest):
        await bench.ended(ids)
    return mortal.steps


async def test_death_at_any_step_leaves_a_document_that_the_next_worker_makes_whole(bench: Bench) -> None:
    steps = await _steps(bench)
    assert steps > 30
    deaths = 0
    for dies_at in range(2, steps):
        collection = await bench.collection()
        old = await bench.document(collection, _OLD)
        async with bench.working():
            await bench.ended(old)
        new = await bench.document(collection, _NEW, of=old["document_id"])
        _forget(bench)
        await lived(bench, Mortal(dies_at), new)
        seen = await bench.visible(collection)
        assert seen in ({old["version_id"]: plain(_OLD)}, {new["version_id"]: plain(_NEW)}), dies_at
        left = await bench.job(new)
        deaths += left["status"] != "succeeded"
        bench.services.parser.pages.clear()
        await _expire(bench)
        async with bench.working():
            job = await bench.ended(new)
        assert job["status"] == "succeeded", (dies_at, job["error"])
        assert await bench.visible(collection) == {new["version_id"]: plain(_NEW)}, dies_at
        assert min(bench.services.parser.pages, default=99) > left["parsed"].get("pages_done", 0), dies_at
        assert _repeated(bench.services.embedder.texts) <= _CHUNKS_OF_A_BATCH, dies_at
        assert _repeated(bench.services.search.written.elements()) <= _CHUNKS_OF_A_BATCH, dies_at
        assert await bench.sql("select * from flips") == []
    assert deaths > steps / 4


async def test_two_deaths_in_a_row_change_nothing(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(9))
    for dies_at in (24, 18):
        await lived(bench, Mortal(dies_at), ids)
        assert (await bench.job(ids))["status"] == "running"
        await _expire(bench)
    async with bench.working():
        assert (await bench.ended(ids))["status"] == "succeeded"
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(9))}
    resumed = [bool(each.resume_state) for each in bench.services.parser.starts]
    assert not resumed[0]
    assert all(resumed[1:])


async def test_a_document_that_kills_its_workers_ends_dead(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(4))
    for _ in range(bench.settings.job_max_attempts):
        await lived(bench, Mortal(6), ids)
        await _expire(bench)
    async with bench.working():
        job = await bench.ended(ids)
    assert (job["status"], job["dead"], job["error"]["reason"], job["attempt"]) == ("failed", True, "worker_lost", 3)
    assert (await bench.document_row(ids))["status"] == "failed"
    assert bench.services.search.points == {}
