"""Event streams: what is sent when, where a broken one goes on, and what many of them cost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from tests.gateway.following import stream
from tests.gateway.rows import change, run_of, succeeded
from tests.gateway.suite import Suite, running
from tests.gateway.test_bell import _Redis

from lorekeep_gateway.bell import Bell
from lorekeep_gateway.http.job_watch import Followed, State, Watch, states
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.organisations import Grant

ROUTE = {"method": "GET", "route": "/api/v1/jobs/{job}/events"}


async def _job(suite: Suite, **fields: Any) -> str:
    return str((await suite.upload(**fields))["job"]["id"])


async def test_a_stream_tells_the_state_then_each_change_then_the_end(suite: Suite) -> None:
    await suite.collection()
    job = await _job(suite)
    async with stream(suite.http, job) as events:
        first = await anext(events)
        assert (first.name, first.id, first.data["status"]) == ("job", "1", "queued")
        await run_of(suite, job)
        second = await anext(events)
        assert (second.data["status"], second.id) == ("running", str(second.data["revision"]))
        shown = (await suite.http.get(f"/api/v1/jobs/{job}")).json()
        assert {**shown, "runs": 0} == {**second.data, "runs": 0}
        await succeeded(suite, job)
        rest = [each async for each in events]
    assert rest[-2].data["status"] == "succeeded"
    assert (rest[-1].name, rest[-1].data) == ("end", {"reason": "ended"})


async def test_a_stream_is_neither_kept_nor_held_up_on_its_way(suite: Suite) -> None:
    await suite.collection()
    await succeeded(suite, await _job(suite))
    job = await _job(suite)
    await succeeded(suite, job)
    answer = await suite.http.get(f"/api/v1/jobs/{job}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["x-accel-buffering"], answer.headers["cache-control"]) == ("no", "no-store")
    assert answer.text.startswith("retry: 2000\n\n")


@pytest.mark.parametrize(
    ("seen", "names"), [("4", ["end"]), *[(each, ["job", "end"]) for each in ("3", "99", "-", "")]]
)
async def test_a_stream_goes_on_behind_what_was_seen(suite: Suite, seen: str, names: list[str]) -> None:
    await suite.collection()
    job = await _job(suite)
    await succeeded(suite, job)
    await suite.sql("update jobs set revision = 4")
    async with stream(suite.http, job, seen) as events:
        assert [each.name async for each in events] == names


async def test_what_was_seen_is_not_sent_again_before_it_changes(suite: Suite) -> None:
    await suite.collection()
    job = await _job(suite)
    async with stream(suite.http, job, 1) as events:
        next_one = asyncio.ensure_future(anext(events))
        await asyncio.sleep(1.2)
        assert not next_one.done()
        await change(suite, job, warnings='["late"]')
        assert (await next_one).data["warnings"] == ["late"]


@pytest.mark.parametrize("table", ["documents", "collections"])
async def test_a_stream_ends_when_its_document_is_deleted(suite: Suite, table: str) -> None:
    await suite.collection()
    async with stream(suite.http, await _job(suite)) as events:
        assert (await anext(events)).name == "job"
        await suite.sql(f"update {table} set status = 'deleting'")
        (last,) = [each async for each in events]
    assert (last.name, last.data) == ("end", {"reason": "deleted"})


async def test_streams_hold_no_connection_and_are_bounded(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, max_job_followers=5, db_pool_size=1) as suite, AsyncExitStack() as open_:
        await suite.collection()
        job = await _job(suite)
        streams = [await open_.enter_async_context(stream(suite.http, job)) for _ in range(5)]
        assert {(await anext(each)).name for each in streams} == {"job"}
        refused = await suite.http.get(f"/api/v1/jobs/{job}/events")
        assert (refused.status_code, refused.json()["error"]["reason"]) == (503, "overloaded")
        await succeeded(suite, job)
        for each in streams:
            assert [event.name async for event in each][-1] == "end"
        async with stream(suite.http, job) as events:
            assert (await anext(events)).data["status"] == "succeeded"


async def test_a_caller_that_goes_away_leaves_its_place(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, max_job_followers=1) as suite:
        await suite.collection()
        job = await _job(suite)
        for _ in range(3):
            await _until_open(suite, job)


async def _until_open(suite: Suite, job: str) -> None:
    for _ in range(100):
        try:
            async with suite.caller(suite.key) as http, stream(http, job) as events:
                assert (await anext(events)).name == "job"
                return
        except httpx.HTTPStatusError:
            await asyncio.sleep(0.05)
    raise AssertionError("no place became free")


async def test_the_life_of_a_stream_is_no_request_duration(suite: Suite) -> None:
    def told(name: str) -> float:
        return REGISTRY.get_sample_value(name, ROUTE) or 0

    await suite.collection()
    job = await _job(suite)
    before, open_before = told("http_request_duration_seconds_sum"), REGISTRY.get_sample_value("http_streams_open")
    begin = perf_counter()
    async with suite.caller(suite.key) as http, stream(http, job) as events:
        await anext(events)
        assert REGISTRY.get_sample_value("http_streams_open") == (open_before or 0) + 1
        await asyncio.sleep(1)
        await succeeded(suite, job)
        assert [each.name async for each in events][-1] == "end"
    lasted = perf_counter() - begin
    for _ in range(100):
        if REGISTRY.get_sample_value("http_streams_open") == open_before:
            break
        await asyncio.sleep(0.05)
    assert REGISTRY.get_sample_value("http_streams_open") == open_before
    assert 0 < told("http_request_duration_seconds_sum") - before < lasted - 1


async def test_a_stream_ends_without_an_end_when_the_process_drains(database_url: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as outside:
        async with running(database_url, tmp_path) as suite:
            await suite.collection()
            http = await outside.enter_async_context(suite.caller(suite.key))
            events = await outside.enter_async_context(stream(http, await _job(suite)))
            assert (await anext(events)).name == "job"
        assert [each async for each in events] == []


async def test_who_may_not_see_the_job_gets_no_stream(suite: Suite) -> None:
    await suite.collection()
    job, bound = await _job(suite), (await suite.collection("bound"))["id"]
    for key, status in (
        (await suite.key_for("strangers"), 404),
        (await suite.key_for("main", Grant("bound", collection_ids=(bound,))), 404),
        (await suite.key_for("main", Grant("admin", scopes=("admin",))), 403),
        (None, 401),
    ):
        async with suite.caller(key) as http:
            assert (await http.get(f"/api/v1/jobs/{job}/events")).status_code == status


async def test_a_redis_that_is_killed_costs_a_stream_nothing(database_url: str, tmp_path: Path) -> None:
    server = _Redis(tmp_path)
    server.start()
    try:
        async with running(database_url, tmp_path, redis_url=server.url) as suite:
            await suite.collection()
            job = await _job(suite)
            async with stream(suite.http, job) as events:
                assert (await anext(events)).data["status"] == "queued"
                server.kill()
                await run_of(suite, job)
                assert (await anext(events)).data["status"] == "running"
                await suite.http.post(f"/api/v1/jobs/{job}/cancel")
                assert (await anext(events)).data["cancel_requested"]
    finally:
        server.kill()


class _Database:
    """Stands where the database stands, with one job of which only the revision matters."""

    def __init__(self) -> None:
        self.revision: int | None = None
        self.looks = 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Any]:
        yield self

    async def __call__(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        assert name == "job_revisions"
        self.looks += 1
        if self.revision is None:
            raise RuntimeError("no answer")
        return []


async def test_however_many_follow_a_job_it_is_looked_at_once() -> None:
    database, bell = _Database(), Bell(None)
    watch = Watch(database, bell)  # type: ignore[arg-type]
    principal = Principal("o", "w", "k", "", (), frozenset(), None)
    looking = asyncio.create_task(watch.run())
    with ExitStack() as open_:
        followers = [open_.enter_context(watch.following(principal, "job_a")) for _ in range(50)]
        news = followers[0].news
        await asyncio.sleep(0.2)
        assert 1 <= database.looks <= 2, "a look that fails is repeated at its time, not at once"
        database.revision = 1
        await bell.ring("job_a")
        await asyncio.wait_for(news.wait(), 5)
        assert len({id(each) for each in followers}) == 1 and followers[0].gone
    looking.cancel()


async def test_a_follower_is_told_now_and_then_that_nothing_happened() -> None:
    watch, followed = Watch(None, Bell(None)), Followed("o", "w", "job_a")  # type: ignore[arg-type]
    seen = states(watch, followed, None, heartbeat_seconds=0.01)
    assert await anext(seen) is None
    followed.state = State(3, False, "{}")
    followed.tell()
    assert await anext(seen) == State(3, False, "{}")
    assert await anext(seen) is None
    watch.end()
    assert [each async for each in seen] == []
