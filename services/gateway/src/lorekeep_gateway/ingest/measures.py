"""Metrics of the ingest role."""

from prometheus_client import Counter, Gauge, Histogram

from lorekeep_chassis.metrics import BUCKETS_SECONDS

JOBS_ENDED = Counter("ingest_jobs_total", "Jobs ended.", ("status",))
JOBS_DEAD = Counter("ingest_jobs_dead_total", "Jobs given up: attempts or time used up.")
RETRIES = Counter("ingest_retries_total", "Jobs put back after a failure.", ("stage",))
WAITS = Counter("ingest_waits_total", "Times that a dependency was waited for.", ("reason",))
STAGE_SECONDS = Histogram("ingest_stage_seconds", "Duration of a stage.", ("stage",), buckets=BUCKETS_SECONDS)
PAGES = Counter("ingest_pages_total", "Pages read.")
CHUNKS = Counter("ingest_chunks_total", "Chunks indexed.")
RUNNING = Gauge("ingest_jobs_running", "Jobs in this process's hands.")
WORKERS = Gauge("ingest_workers", "Jobs that this process may have in hand at once.")
QUEUE = Gauge("ingest_queue_jobs", "Jobs in the queue, of all processes.", ("status",))
OLDEST_SECONDS = Gauge("ingest_queue_oldest_seconds", "Age of the oldest waiting job.")
VERDICTS = Counter(
    "ingest_verdicts_total",
    "Documents by how well they were read: clean, pages_empty, pages_garbled, warned, empty_text, refused.",
    ("outcome",),
)
