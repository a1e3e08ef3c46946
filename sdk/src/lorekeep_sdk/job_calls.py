"""Calls about jobs."""

import asyncio
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import quote

from lorekeep_sdk.answers import FINISHED, Job
from lorekeep_sdk.errors import WaitTimeout
from lorekeep_sdk.transport import Transport

_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 2.0
_POLL_GROWTH = 1.4


class AsyncJobs:
    """Jobs: runs of ingest."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, job_id: str) -> Job:
        """One job; NotFound where there is none."""
        return cast(Job, await self._transport.json("GET", _path(job_id)))

    async def cancel(self, job_id: str) -> Job:
        """Asks a job to stop and gives it as it then is; one that has finished stays as it was."""
        return cast(Job, await self._transport.json("POST", f"{_path(job_id)}/cancel"))

    async def wait(
        self,
        job_id: str,
        *,
        timeout_seconds: float | None = None,
        on_change: Callable[[Job], None] = lambda _: None,
    ) -> Job:
        """The job once it has succeeded, failed or been cancelled, asked for ever less often, at least every 2 s.

        `on_change` is given the job after each look at it. WaitTimeout after `timeout_seconds` (None: no bound).
        """
        until = time.monotonic() + timeout_seconds if timeout_seconds is not None else float("inf")
        pause = _FIRST_POLL_SECONDS
        while True:
            job = await self.get(job_id)
            on_change(job)
            if job["status"] in FINISHED:
                return job
            if time.monotonic() + pause > until:
                raise WaitTimeout(f"Job {job_id} is still {job['status']} after {timeout_seconds:g} s; it goes on.")
            await asyncio.sleep(pause)
            pause = min(_LONGEST_POLL_SECONDS, pause * _POLL_GROWTH)


def _path(job_id: str) -> str:
    return f"/api/v1/jobs/{quote(job_id, safe='')}"
