"""Jobs as they are listed and shown: filters, pages, history, the long poll, queues and workers, and who sees what."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.rows import change, failed, run_of, succeeded
from tests.gateway.suite import Suite, running

from lorekeep_gateway.organisations import Grant

JOBS = "/api/v1/jobs"


async def _listed(suite: Suite, **query: Any) -> list[str]:
    answer = await suite.http.get(JOBS, params=query)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["jobs"]]


async def _several(suite: Suite) -> dict[str, str]:
    """Jobs in all states, of two collections."""
    await suite.collection("demo")
    await suite.collection("more")
    ids = {}
    for name in ("queued", "running", "dead", "failed", "succeeded"):
        ids[name] = (await suite.upload("demo", document_id=name))["job"]["id"]
    ids["other"] = (await suite.upload("more", document_id="queued"))["job"]["id"]
    await run_of(suite, ids["running"], stage="embed")
    await failed(suite, ids["dead"])
    await failed(suite, ids["failed"], dead=False, reason="empty_text")
    await succeeded(suite, ids["succeeded"])
    await change(suite, ids["queued"], lane="bulk", kind="rebuild", queue="reindex")
    return ids


async def test_the_list_is_narrowed_by_each_filter(suite: Suite) -> None:
    ids = await _several(suite)
    assert await _listed(suite) == list(reversed(ids.values()))
    for query, expected in (
        ({"status": "running"}, ["running"]),
        ({"dead": True}, ["dead"]),
        ({"dead": False, "status": "failed"}, ["failed"]),
        ({"queue": "reindex"}, ["queued"]),
        ({"lane": "bulk"}, ["queued"]),
        ({"kind": "rebuild"}, ["queued"]),
        ({"stage": "embed"}, ["running"]),
        ({"collection": "more"}, ["other"]),
        ({"collection": "demo", "document": "queued"}, ["queued"]),
        ({"older_than_seconds": 3600}, []),
    ):
        assert await _listed(suite, **query) == [ids[each] for each in expected], query
    await suite.sql("update jobs set created_at = now() - interval '2 hours' where id = $1", ids["dead"])
    assert await _listed(suite, older_than_seconds=3600) == [ids["dead"]]


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"status": "lost"}, 422, "status"),
        ({"document": "a"}, 422, "document"),
        ({"older_than_seconds": -1}, 422, "older_than_seconds"),
        ({"cursor": "!"}, 422, "cursor"),
        ({"cursor": "OTk5OTk5OTk5OTk5OTk5OTk5OTlfam9i"}, 422, "cursor"),
        ({"collection": "nowhere"}, 404, None),
        ({"collection": "demo", "document": "nowhere"}, 404, None),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(
    suite: Suite, query: dict[str, Any], status: int, field: str | None
) -> None:
    await suite.collection()
    answer = await suite.http.get(JOBS, params=query)
    assert (answer.status_code, answer.json()["error"].get("field")) == (status, field)


async def test_pages_hold_every_job_once_also_those_of_one_moment(suite: Suite) -> None:
    ids = await _several(suite)
    await suite.sql("update jobs set created_at = '2026-01-01T00:00:00.123456Z' where status = 'queued' or dead")
    seen, cursor = [], None
    for _ in range(4):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await suite.http.get(JOBS, params=query)).json()
        seen += [each["id"] for each in page["jobs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids.values())
    assert seen == await _listed(suite)


async def test_a_job_is_shown_whole(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload(document_id="mine"))["job"]["id"]
    await run_of(suite, job, progress='{"pages_done": 0}')
    await suite.sql(
        "update job_runs set ended_at = now(), outcome = 'put_back', stage = 'embed', "
        'error = \'{"reason": "timeout", "message": "Late."}\''
    )
    progress = '{"pages_done": 10, "pages_total": 40, "chunks_indexed": 25}'
    await run_of(suite, job)
    await change(suite, job, progress=progress, stage_seconds='{"fetch": 0.5}')
    await suite.sql("update job_runs set started_at = now() - interval '10 seconds' where number = 2")
    shown = (await suite.http.get(f"{JOBS}/{job}")).json()
    assert shown["progress"] == {
        "pages_done": 10, "pages_total": 40, "chunks_done": 25, "chunks_indexed": 25, "chunks_total": None
    }  # fmt: skip
    assert shown["estimate"]["seconds_left"] >= 30
    assert (shown["status"], shown["worker"], shown["kind"], shown["queue"]) == (
        "running", "w-1", "ingest", "document_processing"
    )  # fmt: skip
    assert (shown["document_id"], shown["version"], shown["verdict"], shown["next_attempt_at"]) == (
        "mine",
        1,
        None,
        None,
    )
    assert shown["stage_seconds"] == {"fetch": 0.5}
    assert [(each["number"], each["outcome"]) for each in shown["runs"]] == [(1, "put_back"), (2, None)]
    assert shown["runs"][0]["error"] == {"reason": "timeout", "message": "Late."}
    assert "runs" not in (await suite.http.get(JOBS)).json()["jobs"][0]


async def test_a_waiting_job_is_estimated_by_its_place_and_by_what_succeeded(suite: Suite) -> None:
    await suite.collection()
    done, first, second = [(await suite.upload())["job"]["id"] for _ in range(3)]
    assert (await suite.http.get(f"{JOBS}/{first}")).json()["estimate"] is None
    await succeeded(suite, done, seconds=4.0)
    jobs = {each["id"]: each["estimate"] for each in (await suite.http.get(JOBS)).json()["jobs"]}
    assert jobs == {done: None, first: {"seconds_left": 4.0}, second: {"seconds_left": 8.0}}
    await suite.sql("update jobs set run_after = now() + interval '1 hour' where id = $1", first)
    waiting = (await suite.http.get(f"{JOBS}/{first}")).json()
    assert waiting["next_attempt_at"] is not None
    assert waiting["estimate"]["seconds_left"] > 3000


async def test_a_long_poll_answers_when_the_job_has_ended(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload())["job"]["id"]
    waiting = asyncio.create_task(suite.http.get(f"{JOBS}/{job}", params={"wait": 25}))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await succeeded(suite, job)
    assert (await waiting).json()["status"] == "succeeded"
    assert (await suite.http.get(f"{JOBS}/{job}", params={"wait": 25})).json()["status"] == "succeeded"


async def test_a_long_poll_of_a_deleted_document_finds_nothing(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload(document_id="a"))["job"]["id"]
    waiting = asyncio.create_task(suite.http.get(f"{JOBS}/{job}", params={"wait": 25}))
    await asyncio.sleep(0.3)
    await suite.http.delete("/api/v1/collections/demo/documents/a")
    assert (await waiting).status_code == 404


async def test_a_long_poll_ends_with_its_time_longer_than_other_requests_have(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, query_timeout_seconds=1.0) as suite:
        await suite.collection()
        job = (await suite.upload())["job"]["id"]
        answer = await suite.http.get(f"{JOBS}/{job}", params={"wait": 1.5})
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        for wait in ("61", "-1", "nan", "soon"):
            assert (await suite.http.get(f"{JOBS}/{job}", params={"wait": wait})).status_code == 422


async def test_long_polls_hold_no_connection_and_are_bounded(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, max_job_followers=3, db_pool_size=1) as suite:
        await suite.collection()
        job = (await suite.upload())["job"]["id"]
        waiting = [asyncio.create_task(suite.http.get(f"{JOBS}/{job}", params={"wait": 20})) for _ in range(3)]
        await asyncio.sleep(1)
        refused = await suite.http.get(f"{JOBS}/{job}", params={"wait": 20})
        assert (refused.status_code, refused.json()["error"]["reason"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert (await suite.http.get(f"{JOBS}/{job}")).status_code == 200
        waiting.pop().cancel()
        for _ in range(100):
            again = asyncio.create_task(suite.http.get(f"{JOBS}/{job}", params={"wait": 20}))
            done, _ = await asyncio.wait([again], timeout=0.2)
            if not done:
                break
        assert not again.done(), "the place of a caller that went away is free"
        await succeeded(suite, job)
        assert {each.json()["status"] for each in await asyncio.gather(again, *waiting)} == {"succeeded"}


async def test_queues_count_what_the_key_may_see(suite: Suite) -> None:
    ids = await _several(suite)
    told = {each.pop("name"): each for each in (await suite.http.get("/api/v1/queues")).json()["queues"]}
    assert told["document_processing"].pop("oldest_seconds") > 0
    assert told["document_processing"] == {"queued": 1, "running": 1, "dead": 1}
    assert told["reindex"].pop("oldest_seconds") > 0
    assert told["reindex"] == {"queued": 1, "running": 0, "dead": 0}
    assert told["maintenance"] == {"queued": 0, "running": 0, "dead": 0, "oldest_seconds": 0}
    (more,) = await suite.sql("select id from collections where name = 'more'")
    async with suite.caller(await suite.key_for("main", Grant("bound", collection_ids=(more["id"],)))) as bound:
        told = (await bound.get("/api/v1/queues")).json()["queues"][0]
        assert (told["queued"], told["running"], told["dead"]) == (1, 0, 0)
        assert [each["id"] for each in (await bound.get(JOBS)).json()["jobs"]] == [ids["other"]]
        assert (await bound.get(f"{JOBS}/{ids['dead']}")).status_code == 404
    async with suite.caller(await suite.key_for("strangers")) as other:
        queues = (await other.get("/api/v1/queues")).json()["queues"]
        assert {each[name] for each in queues for name in ("queued", "running", "dead", "oldest_seconds")} == {0}
        assert (await other.get(JOBS)).json() == {"jobs": [], "next_cursor": None}


async def test_jobs_of_another_workspace_and_of_deleted_documents_are_not_seen(suite: Suite) -> None:
    ids = await _several(suite)
    await suite.sql("update documents set status = 'deleting' where public_id = 'dead'")
    assert ids["dead"] not in await _listed(suite)
    await suite.sql("insert into workspaces values ('ws_2', (select id from organisations), 'second')")
    await suite.sql("update api_keys set workspace_id = 'ws_2'")
    assert await _listed(suite) == []
    assert {each["queued"] for each in (await suite.http.get("/api/v1/queues")).json()["queues"]} == {0}


async def test_workers_are_shown_to_administrators(suite: Suite) -> None:
    await suite.sql("insert into workers (name, version, concurrency, running) values ('w-1', '0.1.0', 4, 2)")
    (worker,) = (await suite.http.get("/api/v1/workers")).json()["workers"]
    assert {each: worker[each] for each in ("name", "version", "concurrency", "running", "draining")} == {
        "name": "w-1", "version": "0.1.0", "concurrency": 4, "running": 2, "draining": False
    }  # fmt: skip
    assert set(worker) == {"name", "version", "concurrency", "running", "draining", "started_at", "seen_at"}
    async with suite.caller(await suite.key_for("main", Grant("w", scopes=("search", "ingest", "manage")))) as other:
        assert (await other.get("/api/v1/workers")).status_code == 403


async def test_a_filter_that_no_name_can_be_is_refused(suite: Suite) -> None:
    await suite.collection()
    for query in ("collection=%00", "collection=demo&document=%00"):
        answer = await suite.http.get(f"/api/v1/jobs?{query}")
        assert answer.status_code == 422, answer.text
