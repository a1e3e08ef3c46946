"""Retries: what comes back to the queue and how, what is refused, and that two at once are one."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.gateway.rows import change, failed, run_of, succeeded
from tests.gateway.suite import Suite

from lorekeep_gateway.bell import WORK
from lorekeep_gateway.http.app import create_app
from lorekeep_gateway.http.role import opened
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.organisations import Grant
from lorekeep_gateway.retries import Retries

JOBS = "/api/v1/jobs"


async def _failed(suite: Suite, document: str = "a", **fields: Any) -> str:
    job = str((await suite.upload(document_id=document))["job"]["id"])
    await failed(suite, job, **fields)
    return job


async def _retry(suite: Suite, job: str, key: str | None = None) -> Any:
    return await suite.http.post(f"{JOBS}/{job}/retry", headers={"Idempotency-Key": key} if key else {})


async def _row(suite: Suite, job: str) -> Any:
    (row,) = await suite.sql(
        "select j.*, v.status as version_status, v.retired_at, d.status as document_status, d.error as document_error "
        "from jobs j join versions v on v.id = j.version_id join documents d on d.id = j.document_id where j.id = $1",
        job,
    )
    return row


async def _audited(suite: Suite) -> list[str]:
    rows = await suite.sql("select target from audit_logs where event_type = 'job.retried' and success order by target")
    return [each["target"] for each in rows]


async def test_a_dead_job_is_queued_again_as_if_new(suite: Suite) -> None:
    await suite.collection()
    job = await _failed(suite)
    await suite.sql("update jobs set cancel_requested = true, run_after = now() + interval '1 day'")
    answer = await _retry(suite, job)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["id"], told["status"], told["attempt"], told["dead"], told["error"]) == (job, "queued", 0, False, None)
    row = await _row(suite, job)
    assert (row["cancel_requested"], row["deadline_at"], row["finished_at"]) == (False, None, None)
    assert (row["version_status"], row["retired_at"]) == ("pending", None)
    assert (row["document_status"], row["document_error"]) == ("pending", None)
    assert told["next_attempt_at"] is None
    assert await _audited(suite) == [job]


async def test_a_cancelled_job_is_queued_again(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload(document_id="a"))["job"]["id"]
    assert (await suite.http.post(f"{JOBS}/{job}/cancel")).json()["status"] == "cancelled"
    assert (await _retry(suite, job)).status_code == 202
    row = await _row(suite, job)
    assert (row["status"], row["cancel_requested"], row["version_status"]) == ("queued", False, "pending")


async def test_a_document_with_a_visible_version_stays_ready(suite: Suite) -> None:
    await suite.collection()
    await succeeded(suite, (await suite.upload(document_id="a", text="The first."))["job"]["id"])
    job = await _failed(suite, "a")
    assert (await _retry(suite, job)).status_code == 202
    row = await _row(suite, job)
    assert (row["version_status"], row["document_status"], row["document_error"]) == ("pending", "ready", None)


async def test_a_job_that_rebuilds_a_visible_version_leaves_it_visible(suite: Suite) -> None:
    await suite.collection()
    job = (await suite.upload(document_id="a"))["job"]["id"]
    await run_of(suite, job, kind="rebuild", queue="reindex")
    await suite.sql("update versions set status = 'ready'")
    await suite.sql("update documents set status = 'ready', version_id = (select id from versions)")
    await change(suite, job, status="failed")
    assert (await _retry(suite, job)).status_code == 202
    row = await _row(suite, job)
    assert (row["version_status"], row["document_status"]) == ("ready", "ready")


@pytest.mark.parametrize("indexed", [True, False])
async def test_a_checkpoint_is_worth_its_chunks(suite: Suite, indexed: bool) -> None:
    await suite.collection()
    job = await _failed(suite)
    progress = {"pages_done": 8, "pages_total": 9, "chunks_indexed": 3}
    await change(suite, job, checkpoint='{"chunks": 3}', resume_state=b"there")
    await change(suite, job, progress='{"pages_done": 8, "pages_total": 9, "chunks_indexed": 3}')
    await suite.sql("update versions set indexed = $1", indexed)
    told = (await _retry(suite, job)).json()["progress"]
    row = await _row(suite, job)
    assert (row["checkpoint"], row["resume_state"]) == (('{"chunks": 3}', b"there") if indexed else ("{}", None))
    assert {name: told[name] for name in progress} == (progress if indexed else dict.fromkeys(progress, 0))


async def test_a_job_that_goes_on_or_is_done_is_not_retried(suite: Suite) -> None:
    await suite.collection()
    queued, going, done = [(await suite.upload(document_id=each))["job"]["id"] for each in "abc"]
    await run_of(suite, going)
    await succeeded(suite, done)
    for job in (queued, going, done):
        answer = await _retry(suite, job)
        assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "job_not_retryable")
    assert (await _retry(suite, "job_none")).status_code == 404
    assert await _audited(suite) == []


async def test_an_older_version_does_not_come_back_over_a_newer_one(suite: Suite) -> None:
    await suite.collection()
    old = await _failed(suite)
    new = (await suite.upload(document_id="a"))["job"]["id"]
    answers = [await _retry(suite, old)]
    await succeeded(suite, new)
    answers.append(await _retry(suite, old))
    assert [each.json()["error"]["reason"] for each in answers] == ["superseded", "superseded"]
    assert (await _row(suite, old))["status"] == "failed"


async def test_an_older_version_comes_back_where_the_newer_one_failed(suite: Suite) -> None:
    await suite.collection()
    old, _ = await _failed(suite), await _failed(suite)
    assert (await _retry(suite, old)).status_code == 202


async def test_a_version_whose_bytes_are_gone_is_not_retried(suite: Suite) -> None:
    await suite.collection()
    job = await _failed(suite)
    await suite.sql("update versions set pruned_at = now()")
    answer = await _retry(suite, job)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "version_pruned")


async def test_two_retries_at_once_are_one(suite: Suite) -> None:
    await suite.collection()
    job = await _failed(suite)
    answers = await asyncio.gather(*(_retry(suite, job) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [202, 409, 409, 409, 409, 409]
    assert await _audited(suite) == [job]


async def test_a_retry_sees_the_version_that_was_accepted_while_it_waited(suite: Suite) -> None:
    await suite.collection()
    job = await _failed(suite)
    (row,) = await suite.sql("select organisation_id, workspace_id, id from api_keys limit 1")
    principal = Principal(row["organisation_id"], row["workspace_id"], row["id"], "", (), frozenset(), None)
    async with suite.database.transaction() as upload:
        document = (await _row(suite, job))["document_id"]
        await upload("removal_unlink", organisation_id=row["organisation_id"], document_id=document)
        version = (await _row(suite, job))["version_id"]
        mine = {"organisation_id": row["organisation_id"], "document_id": document, "version_id": version}
        await upload("fail_document", **mine, error={})
        retrying = asyncio.create_task(_retry(suite, job))
        await asyncio.sleep(0.5)
        assert not retrying.done()
        await upload(
            "upload_version",
            id="ver_new", organisation_id=row["organisation_id"], document_id=document, blob_sha256="s", size_bytes=1,
            media_type="t", name="n", metadata={}, request_hash="h", source=None, reading={},
        )  # fmt: skip
    assert (await retrying).json()["error"]["reason"] == "superseded"
    async with suite.database.transaction() as session:
        assert await Retries(session, principal).some(collection_id=None, reason=None, dead=True, limit=9) == (0, 0)


async def test_a_repeat_under_its_key_gets_the_first_answer(suite: Suite) -> None:
    await suite.collection()
    job, other = await _failed(suite), await _failed(suite, "b")
    first, second = await _retry(suite, job, "k"), await _retry(suite, job, "k")
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert (await _retry(suite, other, "k")).json()["error"]["reason"] == "idempotency_key_reused"
    assert await _audited(suite) == [job]


async def test_many_are_retried_in_portions_oldest_first(suite: Suite) -> None:
    await suite.collection()
    jobs = [await _failed(suite, str(each)) for each in range(5)]
    final = await _failed(suite, "final", dead=False, reason="empty_text")
    counts = [(await suite.http.post(f"{JOBS}:retry", json={"limit": 2})).json() for _ in range(4)]
    assert counts == [{"retried": 2, "left": 3}, {"retried": 2, "left": 1}, {"retried": 1, "left": 0},
                      {"retried": 0, "left": 0}]  # fmt: skip
    assert await _audited(suite) == sorted(jobs)
    assert (await _row(suite, final))["status"] == "failed"
    answer = await suite.http.post(f"{JOBS}:retry", json={"dead": False, "reason": "empty_text"})
    assert answer.json() == {"retried": 1, "left": 0}


async def test_many_are_narrowed_and_what_cannot_come_back_is_passed_over(suite: Suite) -> None:
    await suite.collection()
    await suite.collection("more")
    mine, _ = await _failed(suite, "a", reason="timeout"), await _failed(suite, "b", reason="worker_lost")
    there = (await suite.upload("more", document_id="a"))["job"]["id"]
    await failed(suite, there)
    older, newest = await _failed(suite, "twice"), await _failed(suite, "twice")
    superseded = await _failed(suite, "new")
    await suite.upload(document_id="new")
    cancelled = (await suite.upload(document_id="c"))["job"]["id"]
    await suite.http.post(f"{JOBS}/{cancelled}/cancel")
    answer = await suite.http.post(f"{JOBS}:retry", json={"collection": "demo", "reason": "timeout"})
    assert answer.json() == {"retried": 2, "left": 0}
    assert await _audited(suite) == sorted([mine, newest])
    states = [(await _row(suite, each))["status"] for each in (older, superseded, cancelled, there)]
    assert states == ["failed", "failed", "cancelled", "failed"]


async def test_many_at_once_retry_each_job_once(suite: Suite) -> None:
    await suite.collection()
    jobs = [await _failed(suite, str(each)) for each in range(30)]
    calls = [suite.http.post(f"{JOBS}:retry", json={"limit": 20}) for _ in range(4)]
    answers = [each.json() for each in await asyncio.gather(*calls)]
    while answers[-1]["left"]:
        answers.append((await suite.http.post(f"{JOBS}:retry", json={})).json())
    assert sum(each["retried"] for each in answers) == 30
    assert await _audited(suite) == sorted(jobs)


async def test_a_bulk_retry_is_repeated_by_its_key_and_bounded(suite: Suite) -> None:
    await suite.collection()
    await _failed(suite, "a")
    calls = [await suite.http.post(f"{JOBS}:retry", json={}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [(each.status_code, each.json()["retried"]) for each in calls] == [(200, 1), (200, 1)]
    for body in ({"limit": 0}, {"limit": 10_001}, {"colection": "demo"}, {"reason": "a\x00"}):
        assert (await suite.http.post(f"{JOBS}:retry", json=body)).status_code == 422
    assert (await suite.http.post(f"{JOBS}:retry", json={"collection": "nowhere"})).status_code == 404


async def test_who_may_not_write_or_see_retries_nothing(suite: Suite) -> None:
    await suite.collection()
    job = await _failed(suite)
    bound = (await suite.collection("bound"))["id"]
    async with suite.caller(await suite.key_for("main", Grant("reader", scopes=("search",)))) as reader:
        assert (await reader.post(f"{JOBS}/{job}/retry")).status_code == 403
        assert (await reader.post(f"{JOBS}:retry", json={})).status_code == 403
    async with suite.caller(await suite.key_for("main", Grant("bound", collection_ids=(bound,)))) as other:
        assert (await other.post(f"{JOBS}/{job}/retry")).status_code == 404
        assert (await other.post(f"{JOBS}:retry", json={})).json() == {"retried": 0, "left": 0}
    async with suite.caller(await suite.key_for("strangers")) as stranger:
        assert (await stranger.post(f"{JOBS}:retry", json={})).json() == {"retried": 0, "left": 0}
    assert (await _row(suite, job))["status"] == "failed"


async def test_a_retry_wakes_workers_and_followers(suite: Suite) -> None:
    await suite.collection()
    job = await _failed(suite)
    async with opened(suite.settings) as parts:
        transport = httpx.ASGITransport(create_app(parts, "0"))
        headers = {"Authorization": f"Bearer {suite.key}"}
        async with httpx.AsyncClient(transport=transport, base_url=suite.base_url, headers=headers) as http:
            with parts.bell.listening(WORK) as work, parts.bell.listening(job) as mine:
                await http.post(f"{JOBS}/{job}/retry")
                assert work.is_set() and mine.is_set()
                await failed(suite, job)
                work.clear()
                await http.post(f"{JOBS}:retry", json={})
                assert work.is_set()
