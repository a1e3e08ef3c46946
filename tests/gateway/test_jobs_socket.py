"""WebSockets of jobs: the same objects as messages, behind the same keys and guards as every route."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.gateway.following import message, socket
from tests.gateway.rows import run_of, succeeded
from tests.gateway.suite import Suite, running
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lorekeep_gateway.organisations import Grant


async def _job(suite: Suite) -> str:
    await suite.collection()
    return str((await suite.upload())["job"]["id"])


async def _refused(opening: connect) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refusal:
        async with opening:
            pass
    response = refusal.value.response
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-request-id"]
    return response.status_code, json.loads(response.body)["error"]["reason"]


async def test_messages_are_the_jobs_that_streams_send(suite: Suite) -> None:
    job = await _job(suite)
    async with socket(suite.base_url, job, suite.key) as connection:
        first = await message(connection)
        listed = (await suite.http.get("/api/v1/jobs")).json()["jobs"]
        assert listed == [first]
        await run_of(suite, job)
        assert (await message(connection))["status"] == "running"
        await connection.send("nobody listens")
        await succeeded(suite, job)
        told: list[Any] = []
        with pytest.raises(ConnectionClosed) as end:
            while True:
                told.append(await message(connection))
    assert told[-1]["status"] == "succeeded"
    assert end.value.rcvd is not None and end.value.rcvd.code == 1000


async def test_what_was_seen_is_not_sent_again(suite: Suite) -> None:
    job = await _job(suite)
    async with socket(suite.base_url, job, suite.key, **{"Last-Event-ID": "1"}) as connection:
        await run_of(suite, job)
        assert (await message(connection))["revision"] > 1


async def test_a_deleted_document_closes_it(suite: Suite) -> None:
    job = await _job(suite)
    async with socket(suite.base_url, job, suite.key) as connection:
        await message(connection)
        await suite.sql("update documents set status = 'deleting'")
        with pytest.raises(ConnectionClosed) as end:
            await message(connection)
    assert end.value.rcvd is not None and end.value.rcvd.code == 1000


async def test_keys_come_by_headers_and_by_nothing_else(suite: Suite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    job = await _job(suite)
    async with socket(suite.base_url, job, None, **{"X-API-Key": suite.key}) as connection:
        assert (await message(connection))["id"] == job
    address = suite.base_url.replace("http", "ws", 1)
    for query in (f"?api_key={suite.key}", f"?key={suite.key}", f"?access_token={suite.key}", ""):
        opening = connect(f"{address}/api/v1/jobs/{job}/ws{query}", proxy=None)
        assert await _refused(opening) == (401, "unauthenticated")
    protocols = connect(f"{address}/api/v1/jobs/{job}/ws", proxy=None, subprotocols=["bearer", suite.key])  # type: ignore[list-item]
    assert await _refused(protocols) == (401, "unauthenticated")
    ours = [each for each in caplog.records if not each.name.startswith("websockets")]
    assert not [each for each in ours if suite.key in each.getMessage()]


async def test_who_may_not_see_the_job_gets_no_socket(suite: Suite) -> None:
    job = await _job(suite)
    bound = (await suite.collection("bound"))["id"]
    for key, expected in (
        (await suite.key_for("strangers"), (404, "job_not_found")),
        (await suite.key_for("main", Grant("bound", collection_ids=(bound,))), (404, "job_not_found")),
        (await suite.key_for("main", Grant("admin", scopes=("admin",))), (403, "scope")),
    ):
        assert await _refused(socket(suite.base_url, job, key)) == expected
    assert await _refused(socket(suite.base_url, "job_none", suite.key)) == (404, "job_not_found")


async def test_pages_of_other_sites_open_none(suite: Suite) -> None:
    job = await _job(suite)
    host = suite.base_url.removeprefix("http://")
    for origin in ("https://evil.example", "null", "", f"http://{host}0", "http://127.0.0.1"):
        opening = socket(suite.base_url, job, suite.key, Origin=origin)
        assert await _refused(opening) == (403, "origin_not_allowed"), origin
    async with socket(suite.base_url, job, suite.key, Origin=f"http://{host}") as connection:
        assert (await message(connection))["id"] == job


async def test_other_host_names_are_refused(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, allowed_hosts="kb.example") as suite:
        assert await _refused(socket(suite.base_url, "job_a", suite.key)) == (400, "host_not_allowed")


async def test_sockets_are_bounded_and_leave_their_places(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, max_job_followers=1) as suite:
        job = await _job(suite)
        async with socket(suite.base_url, job, suite.key) as connection:
            await message(connection)
            assert await _refused(socket(suite.base_url, job, suite.key)) == (503, "overloaded")
            assert (REGISTRY.get_sample_value("http_streams_open") or 0) >= 1
        for _ in range(100):
            try:
                async with socket(suite.base_url, job, suite.key) as connection:
                    await message(connection)
                    break
            except InvalidStatus:
                await asyncio.sleep(0.05)
        else:
            raise AssertionError("no place became free")


async def test_it_is_to_be_opened_again_when_the_process_drains(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as suite:
        connection = await socket(suite.base_url, await _job(suite), suite.key)
        await message(connection)
    with pytest.raises(ConnectionClosed) as end:
        await message(connection)
    assert end.value.rcvd is not None and end.value.rcvd.code == 1012
    await connection.close()
