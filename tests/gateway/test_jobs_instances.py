"""Two gateway processes over one database: each tells every job, and a stream that one breaks off the other goes on."""

import asyncio
import signal
from contextlib import nullcontext

import httpx
import pytest
from tests.gateway.following import stream
from tests.gateway.neighbour import elsewhere
from tests.gateway.rows import failed, run_of, succeeded
from tests.gateway.suite import Suite


async def test_no_instance_misses_a_job_that_another_made(suite: Suite) -> None:
    await suite.collection()
    async with elsewhere(suite) as (_, http):
        for maker, teller in ((suite.http, http), (http, suite.http)):
            made = await maker.post("/api/v1/collections/demo/documents", json={"text": "Refunds take five days."})
            job = made.json()["job"]["id"]
            assert (await teller.get(f"/api/v1/jobs/{job}")).status_code == 200
            assert job in [each["id"] for each in (await teller.get("/api/v1/jobs")).json()["jobs"]]
            waiting = asyncio.create_task(teller.get(f"/api/v1/jobs/{job}", params={"wait": 25}))
            assert (await maker.post(f"/api/v1/jobs/{job}/cancel")).status_code == 200
            assert (await waiting).json()["status"] == "cancelled"
            assert (await teller.post(f"/api/v1/jobs/{job}/retry")).status_code == 202
            assert (await maker.get(f"/api/v1/jobs/{job}")).json()["status"] == "queued"


async def test_a_job_that_ended_is_told_by_each_instance(suite: Suite) -> None:
    await suite.collection()
    done, dead = [(await suite.upload())["job"]["id"] for _ in range(2)]
    await succeeded(suite, done)
    await failed(suite, dead)
    async with elsewhere(suite) as (_, http):
        for job in (done, dead):
            answers = [(await each.get(f"/api/v1/jobs/{job}")).json() for each in (suite.http, http)]
            assert answers[0] == answers[1]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_stream_goes_on_at_another_instance(suite: Suite, how: signal.Signals) -> None:
    await suite.collection()
    job = (await suite.upload())["job"]["id"]
    async with elsewhere(suite) as (process, http):
        async with stream(http, job) as events:
            seen = [await anext(events)]
            await run_of(suite, job)
            seen.append(await anext(events))
            process.send_signal(how)
            with nullcontext() if how is signal.SIGTERM else pytest.raises(httpx.TransportError):
                assert [each async for each in events] == []
        status = await asyncio.to_thread(process.wait, 30)
        assert status == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    await succeeded(suite, job)
    async with stream(suite.http, job, seen[-1].id) as events:
        rest = [each async for each in events]
    assert [each.name for each in rest] == ["job", "end"]
    revisions = [int(each.id) for each in [*seen, rest[0]]]
    assert revisions == sorted(set(revisions))
