"""Calls about jobs, queues and workers."""

import asyncio
import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import quote

from lorekeep_sdk.answers import FINISHED, Job, Queue, Retried
from lorekeep_sdk.collection_calls import pages
from lorekeep_sdk.errors import Conflict, WaitTimeout
from lorekeep_sdk.job_events import Follower, look
from lorekeep_sdk.transport import Transport, given, new_key

_PATH = "/api/v1/jobs"
_ENDED = "job_ended"


class AsyncJobs:
    """Jobs: runs of ingest."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        status: str | None = None,
        dead: bool | None = None,
        queue: str | None = None,
        lane: str | None = None,
        kind: str | None = None,
        stage: str | None = None,
        collection: str | None = None,
        document: str | None = None,
        older_than_seconds: int | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Job]:
        """Jobs to which all the given conditions apply, newest first, fetched page by page.

        A `document` is one of the `collection`, which is to be given with it.
        """
        query = given(
            status=status,
            dead=None if dead is None else str(dead).lower(),
            queue=queue,
            lane=lane,
            kind=kind,
            stage=stage,
            collection=collection,
            document=document,
            older_than_seconds=older_than_seconds,
            limit=page_size,
        )
        async for each in pages(self._transport, _PATH, "jobs", query):
            yield cast(Job, each)

    async def get(self, job_id: str, *, wait_seconds: int = 0) -> Job:
        """One job, with its runs; NotFound where there is none.

        With `wait_seconds` (up to 60) the answer comes once the job has ended, or after that time.
        """
        return await look(self._transport, _path(job_id), wait_seconds)

    async def events(self, job_id: str, *, last_event_id: str = "") -> AsyncGenerator[Job, None]:
        """The job as it is, and again each time it has changed, until it has ended.

        A broken stream is taken up again after the last event seen; `last_event_id` (a job's `revision`) does the same
        for one that another process saw. Where no stream comes through, the job is asked for instead.
        """
        async with aclosing(Follower(self._transport, _path(job_id), last_event_id).changes()) as jobs:
            async for job in jobs:
                yield job

    async def wait(
        self,
        job_id: str,
        *,
        timeout_seconds: float | None = None,
        on_change: Callable[[Job], None] = lambda _: None,
    ) -> Job:
        """The job once it has succeeded, failed or been cancelled; followed as by `events`.

        `on_change` is given the job at first and whenever it has changed. WaitTimeout after `timeout_seconds` (None: no
        bound).
        """
        job = await self.get(job_id)
        on_change(job)
        if job["status"] in FINISHED:
            return job
        try:
            async with asyncio.timeout(timeout_seconds):
                async with aclosing(self.events(job_id)) as jobs:
                    async for found in jobs:
                        if found.get("revision") is None or found.get("revision") != job.get("revision"):
                            on_change(found)
                        job = found
        except TimeoutError:
            raise WaitTimeout(
                f"Job {job_id} is still {job['status']} after {timeout_seconds:g} s; it goes on."
            ) from None
        return job

    async def cancel(self, job_id: str) -> Job:
        """Asks a job to stop and gives it as it then is; one that has ended stays as it was and is given so."""
        try:
            return cast(Job, await self._transport.json("POST", f"{_path(job_id)}/cancel"))
        except Conflict as error:
            if error.reason != _ENDED:
                raise
        return await self.get(job_id)

    async def retry(self, job_id: str, *, idempotency_key: str | None = None) -> Job:
        """Queues a failed, dead or cancelled job again; Conflict for another one."""
        key = idempotency_key or new_key()
        return cast(Job, await self._transport.json("POST", f"{_path(job_id)}/retry", idempotency_key=key))

    async def retry_all(
        self,
        *,
        collection: str | None = None,
        reason: str | None = None,
        dead: bool = True,
        limit: int | None = None,
        idempotency_key: str | None = None,
    ) -> Retried:
        """Queues the jobs again whose attempts are used up (with `dead=False` all that failed), `limit` at most.

        Only those of a collection or with one reason, where given; `left` of the answer are still to be retried.
        """
        body = given(collection=collection, reason=reason, dead=dead, limit=limit)
        key = idempotency_key or new_key()
        return cast(Retried, await self._transport.json("POST", f"{_PATH}:retry", body=body, idempotency_key=key))

    async def queues(self) -> builtins.list[Queue]:
        """The queues, with how many jobs wait in each, run, and are dead."""
        return cast(builtins.list[Queue], (await self._transport.json("GET", "/api/v1/queues"))["queues"])

    async def workers(self) -> builtins.list[dict[str, Any]]:
        """The ingest workers and what they are at; for keys with the scope `admin`."""
        answer = await self._transport.json("GET", "/api/v1/workers")
        return cast(builtins.list[dict[str, Any]], answer["workers"])


def _path(job_id: str) -> str:
    return f"{_PATH}/{quote(job_id, safe='')}"
