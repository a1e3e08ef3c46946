"""The loop that claims jobs and has them done, a bounded number at once, until the process ends."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanKind, StatusCode

from lorekeep_chassis import calls, client_calls, errors, logs, tracing
from lorekeep_gateway.bell import WORK, Bell
from lorekeep_gateway.ingest import measures
from lorekeep_gateway.ingest.endings import Endings
from lorekeep_gateway.ingest.leases import Lease, LeaseLost, Withdrawn
from lorekeep_gateway.ingest.news import News
from lorekeep_gateway.ingest.orchestrator import HandedBack, Orchestrator
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.pipes import beside, together
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.stages import Stages
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)
_SETTLE_SECONDS = 30.0


class Worker:
    """Claims and works until `draining` is set. `turned` is the monotonic time of the claim loop's last round."""

    def __init__(
        self,
        database: Database,
        orchestrator: Orchestrator,
        endings: Endings,
        settings: IngestSettings,
        draining: asyncio.Event,
        bell: Bell,
    ) -> None:
        self._bell = bell
        self._database = database
        self._orchestrator = orchestrator
        self._endings = endings
        self._settings = settings
        self._draining = draining
        self._running: set[asyncio.Task[None]] = set()
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self.turned = time.monotonic()

    @property
    def running(self) -> int:
        """Jobs in hand."""
        return len(self._running)

    @property
    def draining(self) -> asyncio.Event:
        """Set when no more jobs are taken."""
        return self._draining

    async def run(self) -> None:
        """The claim loop."""
        measures.WORKERS.set(self._settings.job_concurrency)
        with self._bell.listening(WORK) as rung:
            while not self._draining.is_set():
                self.turned = time.monotonic()
                rung.clear()
                if len(self._running) >= self._settings.job_concurrency or not await self._took_one():
                    await self._pause(rung)

    async def drain(self) -> None:
        """Gives running jobs `drain_seconds` to end or reach a checkpoint; then they are handed back as they are."""
        self._draining.set()
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=self._settings.drain_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _took_one(self) -> bool:
        try:
            job = await self._claimed()
        except errors.Unavailable:
            _LOG.warning("the queue cannot be reached")
            return False
        if job is None:
            return False
        measures.claimed(job)
        task = asyncio.create_task(self._perform(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return True

    async def _pause(self, rung: asyncio.Event) -> None:
        """Until a job may be waiting, a job here ends, the process ends, or it is time to look again."""
        full = len(self._running) >= self._settings.job_concurrency
        waits = [asyncio.create_task(self._draining.wait())]
        waits += [] if full else [asyncio.create_task(rung.wait())]
        watched = {*waits, *(self._running if full else ())}
        await asyncio.wait(watched, timeout=self._settings.poll_seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    async def _claimed(self) -> Mapping[str, Any] | None:
        async with self._database.session() as session:
            job: Mapping[str, Any] | None = await session(
                "claim_job",
                worker=self.name,
                lease_seconds=self._settings.lease_seconds,
                job_deadline_seconds=self._settings.job_deadline_seconds,
            )
        return job

    async def _perform(self, job: Mapping[str, Any]) -> None:
        """Works on a job inside its own trace and call context, whatever becomes of it."""
        context = calls.CallContext(job["organisation_id"], job["collection_id"], job["id"], calls.Lane(job["lane"]))
        with (
            measures.RUNNING.track_inprogress(),
            measures.RUN_SECONDS.labels(job["queue"]).time(),
            calls.calling_as(context),
            tracing.continued({"traceparent": job["traceparent"] or ""}),
            tracing.span("ingest.job", kind=SpanKind.CONSUMER) as span,
        ):
            span.set_attributes(
                {"job.id": job["id"], "job.attempt": job["attempt"], "job.document": job["document_id"]}
            )
            outcome = await Performance(
                self._database, self._orchestrator, self._endings, self._settings, self._bell, job
            ).run()
            span.set_attribute("job.outcome", outcome)
            if outcome not in ("succeeded", "handed_back"):
                span.set_status(StatusCode.ERROR, outcome)


class Performance:
    """One claim of one job: the work beside its lease's watch, and the settling of what came out."""

    def __init__(
        self,
        database: Database,
        orchestrator: Orchestrator,
        endings: Endings,
        settings: IngestSettings,
        bell: Bell,
        job: Mapping[str, Any],
    ) -> None:
        self._orchestrator = orchestrator
        self._endings = endings
        self._settings = settings
        self._job = job
        self._stages = Stages(job["stage_seconds"])
        self._news = News(bell, job["id"])
        self._lease = Lease(database, job, settings.lease_seconds, self._stages.seconds, self._news.changed)
        self._until = time.monotonic() + max(job["remaining_seconds"], 0.0)

    async def run(self) -> str:
        """Gives the outcome in a word: `succeeded`, `handed_back`, or the reason of what went wrong."""
        try:
            await self._worked()
        except (HandedBack, asyncio.CancelledError):
            return await self._settled(self._endings.released, "handed_back", self._job, self._lease)
        except LeaseLost as error:
            return await self._settled(self._endings.orphaned, error.reason, self._job)
        except Withdrawn as error:
            return await self._settled(self._endings.withdrawn, error.reason, self._job, self._lease, error)
        except errors.LorekeepError as error:
            return await self._failed(error)
        except Exception:  # the edge of a job: whatever it is, it is counted and told  # noqa: BLE001
            _LOG.exception("a job met an unforeseen error")
            return await self._failed(errors.Internal())
        measures.ended(self._job, "succeeded")
        _LOG.info("a job ended", extra={"lorekeep": {"job": self._job["id"], "status": "succeeded"}})
        return "succeeded"

    async def _worked(self) -> None:
        self._news.changed()
        await self._lease.confirm()
        if self._job["attempt"] > self._settings.job_max_attempts:
            raise errors.DeadlineExceeded("Workers died over this document each time.", reason="worker_lost")
        left = self._until - time.monotonic()
        with calls.deadline(left):
            try:
                async with asyncio.timeout(left), client_calls.translated():
                    await beside(
                        self._orchestrator.perform(self._job, self._lease, self._stages),
                        together(self._lease.watch(), self._news.run()),
                    )
            except TimeoutError:
                raise errors.DeadlineExceeded(
                    "The document was not ready in time. Retry the job when less is under way, or split the document."
                ) from None

    async def _failed(self, error: errors.LorekeepError) -> str:
        late = time.monotonic() >= self._until
        return await self._settled(
            self._endings.failed, error.reason, self._job, self._lease, error, self._stages.failed, late
        )

    async def _settled(self, settle: Any, outcome: str, *arguments: Any) -> str:
        """Writes the end down, waiting for Postgres; what cannot be written is taken over when the lease runs out."""
        try:
            with calls.deadline(_SETTLE_SECONDS):
                await patiently(lambda: settle(*arguments), self._settings.retry_seconds)
        except LeaseLost:
            return "lease_lost"
        except errors.LorekeepError as error:
            _LOG.error("a job's end could not be written", extra={"lorekeep": {"reason": error.reason}})
        return outcome
