"""Metrics of the ingest role, and of the queue as every worker process sees it."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from lorekeep_chassis.metrics import BUCKETS_SECONDS, exemplar
from lorekeep_gateway.media import KNOWN

_QUEUES = ("document_processing", "reindex", "maintenance")
_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
_LONG_SECONDS = (*BUCKETS_SECONDS[5:], 900, 3600)

JOBS_ENDED = Counter("ingest_jobs_total", "Jobs ended.", ("status",))
JOBS_DEAD = Counter("ingest_jobs_dead_total", "Jobs given up: attempts or time used up.")
RETRIES = Counter("ingest_retries_total", "Jobs put back after a failure.", ("stage",))
WAITS = Counter("ingest_waits_total", "Times that a dependency was waited for.", ("reason",))
STAGE_SECONDS = Histogram("ingest_stage_seconds", "Duration of a stage.", ("stage",), buckets=BUCKETS_SECONDS)
PAGES = Counter("ingest_pages_total", "Pages read.")
CHUNKS = Counter("ingest_chunks_total", "Chunks indexed.")
RUNNING = Gauge("ingest_jobs_running", "Jobs in this process's hands.")
WORKERS = Gauge("ingest_workers", "Jobs that this process may have in hand at once.")
DELIVERIES = Counter("webhook_deliveries_total", "Attempts to tell a webhook, by what came of them.", ("outcome",))
DELIVERIES_OLDEST_SECONDS = Gauge("webhook_deliveries_oldest_seconds", "Time by which the latest delivery is late.")
VERDICTS = Counter(
    "ingest_verdicts_total",
    "Documents by how well they were read: clean, pages_empty, pages_garbled, warned, empty_text, refused.",
    ("outcome",),
)
DOCUMENTS = Counter("documents_processed_total", "Document versions whose job ended.", ("status", "type"))
ATTEMPTS = Histogram(
    "jobs_attempts",
    "Attempts that a job took, counted since its checkpoint last moved.",
    ("queue",),
    buckets=(1, 2, 3, 5),
)
WAIT_SECONDS = Histogram(
    "jobs_wait_seconds", "Time that a job was due before it was claimed.", ("queue",), buckets=_LONG_SECONDS
)
RUN_SECONDS = Histogram("jobs_run_seconds", "Duration of one claim of a job.", ("queue",), buckets=_LONG_SECONDS)
QUEUE = Gauge("jobs_total", "Jobs that are kept, of all processes.", ("state", "queue"))
DEAD = Gauge("jobs_dead", "Jobs given up that nobody retried yet, of all processes.", ("queue",))
OLDEST_SECONDS = Gauge("jobs_oldest_seconds", "Age of the oldest waiting job, of all processes.", ("queue",))
WORKERS_ALIVE = Gauge("workers_alive", "Worker processes that wrote their heartbeat in the last 30 seconds.")


def queue(jobs: Iterable[Mapping[str, Any]], waiting: Iterable[Mapping[str, Any]], workers: int) -> None:
    """Sets the gauges of the queue; what is not named is zero."""
    states = {(each["status"], each["queue"]): each for each in jobs}
    ages = {each["queue"]: each["oldest_seconds"] for each in waiting}
    for name in _QUEUES:
        for state in _STATES:
            QUEUE.labels(state, name).set(states.get((state, name), {"jobs": 0})["jobs"])
        DEAD.labels(name).set(states.get(("failed", name), {"dead": 0})["dead"])
        OLDEST_SECONDS.labels(name).set(ages.get(name, 0.0))
    WORKERS_ALIVE.set(workers)


def claimed(job: Mapping[str, Any]) -> None:
    """Measures how long a job waited; one that was taken over did not."""
    if job["waited_seconds"] is not None:
        WAIT_SECONDS.labels(job["queue"]).observe(job["waited_seconds"], exemplar())


def ended(job: Mapping[str, Any], status: str) -> None:
    """Counts a job that ended for good."""
    JOBS_ENDED.labels(status).inc()
    DOCUMENTS.labels(status, job["media_type"] if job["media_type"] in KNOWN else "other").inc()
    ATTEMPTS.labels(job["queue"]).observe(job["attempt"], exemplar())
