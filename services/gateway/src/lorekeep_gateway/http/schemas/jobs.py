"""Jobs, their runs, their queues and their workers."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from lorekeep_gateway import estimates
from lorekeep_gateway.http.schemas.documents import Trouble, trouble
from lorekeep_gateway.http.schemas.shape import Request, Shape, Text

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Queue = Literal["document_processing", "reindex", "maintenance"]
Lane = Literal["interactive", "bulk"]
Kind = Literal["ingest", "restore", "rebuild"]
Stage = Literal["fetch", "parse", "chunk", "embed", "index", "flip"]
QUEUES: tuple[Queue, ...] = ("document_processing", "reindex", "maintenance")
ENDED = frozenset({"succeeded", "failed", "cancelled"})


class Progress(Shape):
    """What is done, counted from the document's beginning."""

    pages_done: int
    pages_total: int = Field(description="0 while unknown.")
    chunks_done: int = Field(description="Chunks that were cut from what was read.")
    chunks_indexed: int
    chunks_total: int | None = Field(description="Null until the document is parsed to its end.")


class Estimate(Shape):
    """From the pace of the run under way or, of a waiting job, of the organisation's last successes."""

    seconds_left: float = Field(ge=0, examples=[12.5])


class Job(Shape):
    """One run of ingest for one version of a document."""

    id: str = Field(examples=["job_01jd3v9k2m"])
    status: Status = Field(examples=["running"])
    kind: Kind = Field(description="ingest reads the document; restore and rebuild index what was read before.")
    queue: Queue
    lane: Lane = Field(description="interactive goes before bulk.")
    stage: Stage | None = Field(description="Null before the first.")
    attempt: int = Field(description="Failures and takeovers since it last came further.")
    dead: bool = Field(description="Whether its attempts are used up.")
    progress: Progress
    estimate: Estimate | None = Field(description="Null where nothing is known to estimate from.")
    stage_seconds: dict[str, float] = Field(description="Time spent in each stage, over all runs.")
    warnings: list[Any]
    error: Trouble | None
    verdict: dict[str, Any] | None = Field(description="How well the document was read.")
    worker: str | None = Field(description="The worker that has it, or had it last.")
    next_attempt_at: datetime | None = Field(description="When it is tried again, where it waits for that.")
    collection_id: str
    document_id: str
    version: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    revision: int = Field(description="Counts up with each change; the id of its events.")

    @property
    def ended(self) -> bool:
        """Whether nothing more happens unless it is retried."""
        return self.status in ENDED


class JobRun(Shape):
    """One time that a worker had the job."""

    number: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None = Field(
        description="succeeded, failed, cancelled, put_back, handed_back or lease_lost; null while it goes on."
    )
    stage: str | None
    error: Trouble | None


class JobWithRuns(Job):
    """A job with its last 100 runs in their order."""

    runs: list[JobRun]


class JobPage(Shape):
    """Jobs, newest first."""

    jobs: list[Job]
    next_cursor: str | None = Field(description="For the next page; null at the end.")


class BulkRetry(Request):
    """Which failed jobs to retry."""

    collection: Text | None = Field(None, min_length=1, max_length=64, description="Only of this one, by name or id.")
    reason: Text | None = Field(None, min_length=1, max_length=64, description="Only with this reason in their error.")
    dead: bool = Field(True, description="Only those whose attempts are used up; false for all that failed.")
    limit: int = Field(1000, ge=1, le=10_000, description="Most jobs of this call.")


class Retried(Shape):
    """What a bulk retry did."""

    retried: int = Field(description="Jobs queued again.")
    left: int = Field(description="Further jobs that the same call would retry.")


class QueueView(Shape):
    """What lies in a queue."""

    name: Queue
    queued: int
    running: int
    dead: int
    oldest_seconds: float = Field(description="Age of the oldest waiting job; 0 where none waits.")


class Queues(Shape):
    """All queues."""

    queues: list[QueueView]


class WorkerView(Shape):
    """A worker process of the instance."""

    name: str
    version: str
    concurrency: int = Field(description="Most jobs at once.")
    running: int
    draining: bool = Field(description="Whether it takes no further job.")
    started_at: datetime
    seen_at: datetime = Field(description="Its last heartbeat.")


class Workers(Shape):
    """All workers, by name."""

    workers: list[WorkerView]


def of_row(row: Mapping[str, Any], pace: estimates.Pace) -> Job:
    """A job as it is shown."""
    seconds = estimates.seconds_left(row, pace)
    special = {"error", "document_id", "version", "progress", "estimate"}
    return Job(
        error=trouble(row["error"]),
        document_id=row["public_id"],
        version=row["number"],
        progress=Progress(**asdict(estimates.Progress.of_row(row))),
        estimate=None if seconds is None else Estimate(seconds_left=seconds),
        **{name: row[name] for name in Job.model_fields if name not in special},
    )


def with_runs(job: Job, runs: list[Mapping[str, Any]]) -> JobWithRuns:
    """A job with its runs; these come newest first."""
    shown = [JobRun(**{**run, "error": trouble(run["error"])}) for run in reversed(runs)]
    return JobWithRuns(**dict(job), runs=shown)


def queues_of(rows: list[Mapping[str, Any]]) -> Queues:
    """Every queue, also those that are empty."""
    nothing = {"queued": 0, "running": 0, "dead": 0}
    found = {row["name"]: row for row in rows}
    views = [{**nothing, **found.get(name, {}), "name": name} for name in QUEUES]
    return Queues(queues=[QueueView(**{**each, "oldest_seconds": each.get("oldest_seconds") or 0.0}) for each in views])
