"""The engine's own process: it is killed, stopped, crowded and contended for."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.search import samples
from tests.search.conftest import Index, up
from tests.search.samples import chunk, scope, search

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, errors
from lorekeep_search import spaces
from lorekeep_search.edge_store import EdgeStore
from lorekeep_search.tenancy import Within


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[EdgeStore]:
    store = await up(await EdgeStore.opened(tmp_path / "index"))
    with samples.calling_as(samples.ORGANISATION):
        yield store
    await store.close()


def pid(store: EdgeStore) -> int:
    assert store.link.process
    return store.link.process.pid


@contextmanager
def stopped(store: EdgeStore) -> Iterator[None]:
    """The engine stands still inside, so that what is asked of it waits."""
    engine = pid(store)
    os.kill(engine, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(engine, signal.SIGCONT)


async def waiting(*askers: asyncio.Task[object]) -> None:
    """Lets tasks run until they wait for the engine."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert not any(each.done() for each in askers)


async def test_what_was_acknowledged_survives_kill_9(edge: EdgeStore) -> None:
    index, space = Index(edge), samples.space()
    await index.indexer.prepare(search_pb2.PrepareRequest(space=space))
    for version in range(5):
        written = [chunk(f"duck {version} {number}", number, version=f"v{version}") for number in range(60)]
        await index.indexer.upsert(samples.upsert(space, written))
        await index.indexer.stamp(samples.stamp(space, f"v{version}", from_epoch=1))
    before = pid(edge)
    os.kill(before, signal.SIGKILL)

    async def is_back() -> bool:
        return edge.link.up and pid(edge) != before

    await samples.until(is_back)
    assert await index.indexer.count(scope(space)) == 300
    answer = await index.searcher.search(search(space, "duck 3 17"))
    assert answer.hits[0].chunk.chunk.text == "duck 3 17"
    assert answer.hits[0].scores.dense == pytest.approx(1.0, abs=1e-4)


async def test_while_it_is_away_calls_are_refused_with_a_hint(edge: EdgeStore) -> None:
    with stopped(edge):
        under_way = asyncio.create_task(edge.count(samples.space(), _within()))
        await waiting(under_way)
        os.kill(pid(edge), signal.SIGKILL)
        with pytest.raises(errors.Unavailable) as caught:
            await under_way
        assert caught.value.retry_after_seconds
        assert (await edge.health())["status"] == "failed"
        with pytest.raises(errors.Unavailable):
            await edge.count(samples.space(), _within())
    await up(edge)


async def test_queries_go_before_writes_that_came_first(edge: EdgeStore) -> None:
    index, space = Index(edge), samples.space()
    await index.add(space, chunk("first"))
    with stopped(edge):
        ahead = [asyncio.create_task(edge.count(space, _within())) for _ in range(2)]
        await waiting(*ahead)
        write = asyncio.create_task(index.indexer.upsert(samples.upsert(space, [chunk("second", 1)])))
        await waiting(write)
        query = asyncio.create_task(edge.count(space, _within()))
        await waiting(query)
    assert await query == 1
    assert await write == 1
    assert await edge.count(space, _within()) == 2


async def test_what_its_caller_has_left_is_never_run(edge: EdgeStore) -> None:
    index, space = Index(edge), samples.space()
    await index.add(space, chunk("first"))
    with stopped(edge):
        ahead = [asyncio.create_task(edge.count(space, _within())) for _ in range(2)]
        await waiting(*ahead)
        left = asyncio.create_task(index.indexer.remove(scope(space)))
        await waiting(left)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
    assert [await each for each in ahead] == [1, 1]
    assert await edge.count(space, _within()) == 1


async def test_the_deadline_ends_the_waiting(edge: EdgeStore) -> None:
    with stopped(edge), calls.deadline(0.05), pytest.raises(errors.DeadlineExceeded):
        await edge.count(samples.space(), _within())


async def test_an_engine_that_hangs_is_seen(edge: EdgeStore) -> None:
    with stopped(edge):
        assert (await edge.health())["status"] == "failed"
    assert (await edge.health())["status"] == "ok"


async def test_more_than_it_takes_on_is_refused_at_once(edge: EdgeStore) -> None:
    with stopped(edge):
        crowd = [asyncio.create_task(edge.count(samples.space(), _within())) for _ in range(256)]
        await waiting(*crowd)
        with pytest.raises(errors.Overloaded) as caught:
            await edge.count(samples.space(), _within())
        assert caught.value.retry_after_seconds
    assert await asyncio.gather(*crowd) == [0] * 256


async def test_a_directory_has_one_opener_at_a_time(edge: EdgeStore, tmp_path: Path) -> None:
    index, space = Index(edge), samples.space()
    await index.add(space, chunk("first"))
    second = await EdgeStore.opened(tmp_path / "index")
    await asyncio.sleep(0.3)
    assert (await second.health())["status"] == "failed"
    await edge.close()
    await up(second)
    assert await second.count(space, _within()) == 1
    await second.close()


async def test_a_space_half_made_by_a_crash_is_made_again(edge: EdgeStore, tmp_path: Path) -> None:
    space = samples.space()
    (tmp_path / "index" / spaces.name(space) / "shard.unfinished" / "segments").mkdir(parents=True)
    await Index(edge).add(space, chunk("first"))
    assert await edge.count(space, _within()) == 1


def _within() -> Within:
    return Within(samples.ORGANISATION)
