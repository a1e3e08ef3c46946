"""Jobs as tests put them into the database, without an ingest role."""

from typing import Any

from tests.gateway.suite import Suite


async def run_of(suite: Suite, job_id: str, **fields: Any) -> None:
    """Lets a job run: a worker has it for the next time."""
    await suite.sql(
        "update jobs set status = 'running', lease_token = gen_random_uuid(), lease_until = now() + interval '1 hour', "
        "worker = 'w-1', started_at = now(), run_count = run_count + 1, attempt = 1, stage = 'parse' where id = $1",
        job_id,
    )
    await suite.sql(
        "insert into job_runs (job_id, organisation_id, number, worker) "
        "select id, organisation_id, run_count, worker from jobs where id = $1 on conflict do nothing",
        job_id,
    )
    await change(suite, job_id, **fields)


async def change(suite: Suite, job_id: str, **fields: Any) -> None:
    """Writes columns of a job, JSON as text."""
    if fields:
        told = ", ".join(f"{name} = ${place}" for place, name in enumerate(fields, 2))
        await suite.sql(f"update jobs set {told} where id = $1", job_id, *fields.values())


async def failed(suite: Suite, job_id: str, *, dead: bool = True, reason: str = "timeout") -> None:
    """Ends a job, its version and, where none is visible, its document as ingest does."""
    error = f'{{"reason": "{reason}", "message": "It failed."}}'
    await change(suite, job_id, status="failed", dead=dead, error=error, attempt=3)
    await suite.sql(
        "update jobs set finished_at = now(), deadline_at = now(), lease_token = null, lease_until = null "
        "where id = $1",
        job_id,
    )
    await suite.sql(
        "update versions set status = 'failed', retired_at = now() "
        "where id = (select version_id from jobs where id = $1)",
        job_id,
    )
    await suite.sql(
        "update documents set status = case when version_id is null then 'failed' else 'ready' end, error = $2 "
        "where id = (select document_id from jobs where id = $1)",
        job_id,
        error,
    )


async def succeeded(suite: Suite, job_id: str, seconds: float = 4.0) -> None:
    """Ends a job well after one run of so many seconds."""
    await run_of(suite, job_id)
    await suite.sql(
        "update job_runs set started_at = now() - $2 * interval '1 second', ended_at = now(), outcome = 'succeeded' "
        "where job_id = $1",
        job_id,
        seconds,
    )
    await suite.sql(
        "update jobs set status = 'succeeded', finished_at = now(), lease_token = null, lease_until = null "
        "where id = $1",
        job_id,
    )
    await suite.sql(
        "update versions set status = 'ready' where id = (select version_id from jobs where id = $1)", job_id
    )
    await suite.sql(
        "update documents d set status = 'ready', version_id = j.version_id from jobs j "
        "where j.id = $1 and d.id = j.document_id",
        job_id,
    )
