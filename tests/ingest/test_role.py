"""The role as a process: it starts, says how it is, is killed, is taken over, drains."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.ingest.bench import Bench, book, plain, until
from tests.ingest.services import TOKEN
from tests.ingest.test_troubles import failing

from lorekeep_chassis import errors
from lorekeep_chassis.settings import SettingsError, load
from lorekeep_gateway.ingest.settings import IngestSettings

_MAIN = "from lorekeep_gateway.ingest.role import main; main()"
_TAKEN = ("BATCH_PAGES", "EMBED_BATCH_CHUNKS", "POLL_SECONDS", "RETRY_SECONDS")


@dataclass(frozen=True)
class Role:
    process: asyncio.subprocess.Process
    port: int

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")

    async def ready(self) -> dict[str, Any] | None:
        answer = await self.get("/health/ready")
        return answer.json() if answer.status_code == 200 else None


def _environment(bench: Bench, **changed: str) -> dict[str, str]:
    settings = bench.settings
    given = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "BLOBS_URL": settings.blobs_url,
        "PARSER_TARGET": settings.parser_target,
        "EMBEDDER_TARGET": settings.embedder_target,
        "SEARCH_TARGET": settings.search_target,
        **{f"{role}_TOKEN": TOKEN for role in ("PARSER", "EMBEDDER", "SEARCH")},
        **{name: str(getattr(settings, name.lower())) for name in _TAKEN},
        "METRICS_PORT": "0",
        "LEASE_SECONDS": "1.5",
        **changed,
    }
    return {**os.environ, **{f"LOREKEEP_{name}": value for name, value in given.items()}}


@asynccontextmanager
async def _running(bench: Bench, **changed: str) -> AsyncIterator[Role]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MAIN, env=_environment(bench, **changed), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    reader: asyncio.Task[None] | None = None
    try:
        async for line in process.stdout:
            if port := json.loads(line).get("metrics_port"):
                break
        reader = asyncio.create_task(_drained(process.stdout))
        yield Role(process, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if reader:
            await reader


async def _drained(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


async def test_it_starts_works_and_ends_in_order(bench: Bench) -> None:
    collection = await bench.collection()
    ids = await bench.document(collection, book(3))
    async with _running(bench) as role:
        report = await until(role.ready)
        assert {name: each["status"] for name, each in report["components"].items()} == dict.fromkeys(
            ("postgres", "blobs", "parser", "embedder", "search", "claims", "deliveries"), "ok"
        )
        assert (await bench.ended(ids))["status"] == "succeeded"
        metrics = (await role.get("/metrics")).text
        assert 'ingest_jobs_total{status="succeeded"} 1.0' in metrics
        assert "ingest_pages_total 3.0" in metrics
        assert "ingest_chunks_total 5.0" in metrics
        assert 'ingest_stage_seconds_count{stage="embed"} 1.0' in metrics
        (worker,) = await bench.sql("select * from workers")
        assert (worker["draining"], worker["name"]) == (False, (await bench.job(ids))["worker"])
        role.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(role.process.wait(), 20) == 0
    assert await bench.sql("select * from workers") == []
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(3))}


async def test_a_killed_workers_job_is_taken_over(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"), at=2)
    collection = await bench.collection()
    ids = await bench.document(collection, book(9))
    async with _running(bench) as role:
        await until(lambda: _called(bench))
        role.process.kill()
        await role.process.wait()
        assert (await bench.job(ids))["status"] == "running"
        bench.services.search.upsert.hook = lambda number: None
        async with bench.working():
            job = await bench.ended(ids)
    assert job["status"] == "succeeded"
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(9))}


async def test_a_worker_that_was_paused_writes_nothing_when_it_wakes(bench: Bench) -> None:
    bench.services.search.upsert.hook = failing(10_000, errors.Overloaded("away"), at=2)
    collection = await bench.collection()
    ids = await bench.document(collection, book(9))
    async with _running(bench) as role:
        await until(lambda: _called(bench))
        role.process.send_signal(signal.SIGSTOP)
        bench.services.search.upsert.hook = lambda number: None
        async with bench.working():
            job, runs = await bench.ended(ids), await bench.runs(ids)
        calls = bench.services.search.upsert.calls
        role.process.send_signal(signal.SIGCONT)
        await until(lambda: _idle(role))
    assert bench.services.search.upsert.calls == calls
    assert dict(await bench.job(ids)) == dict(job)
    assert await bench.runs(ids) == runs
    assert [run["outcome"] for run in runs] == ["lease_lost", "succeeded"]
    assert await bench.visible(collection) == {ids["version_id"]: plain(book(9))}


async def test_it_is_ready_while_others_are_away_and_not_without_postgres(bench: Bench) -> None:
    async with _running(bench, SEARCH_TARGET="127.0.0.1:1") as role:
        report = await until(role.ready)
        assert report["degraded"] is True
        assert report["components"]["search"]["status"] == "degraded"
    async with _running(bench, DATABASE_URL="postgresql://x@/x?host=/nowhere") as role:
        answer = await until(lambda: _reported(role))
        assert answer["components"]["postgres"]["status"] == "failed"
        assert role.process.returncode is None


def test_settings_name_everything_that_is_wrong() -> None:
    with pytest.raises(SettingsError) as caught:
        load(IngestSettings, "ingest", {"LOREKEEP_LEASE_SECONDS": "0", "LOREKEEP_BATCH_PAGES": "1000"})
    for name in ("DATABASE_URL", "BLOBS_URL", "PARSER_TOKEN", "LEASE_SECONDS", "BATCH_PAGES"):
        assert f"LOREKEEP_{name}" in str(caught.value)


async def _called(bench: Bench) -> bool:
    return bench.services.search.upsert.calls > 2


async def _idle(role: Role) -> bool:
    return "ingest_jobs_running 0.0" in (await role.get("/metrics")).text


async def _reported(role: Role) -> dict[str, Any] | None:
    body: dict[str, Any] = (await role.get("/health/ready")).json()
    return body if "postgres" in body["components"] else None
