"""How far a job is, in words and as a share."""

from datetime import UTC, datetime

from lorekeep_sdk.answers import FINISHED, Job


def now(job: Job) -> str:
    """Stage, then chunks or pages, and what is left, as far as they are known."""
    if job["status"] in FINISHED:
        return job["status"]
    return " · ".join(filter(None, (_stage(job), _left(job))))


def far(job: Job) -> str:
    """As `now`; of a job that has ended what it came to, beside its status."""
    if job["status"] not in FINISHED:
        return now(job)
    count = (job.get("progress") or {}).get("chunks_indexed") or 0
    return f"{count} chunk{'' if count == 1 else 's'}" if job["status"] == "succeeded" else ""


def share(job: Job) -> tuple[int, int | None]:
    """What is done, of how many: chunks once their number is known, pages before; None for an unknown number."""
    progress = job.get("progress") or {}
    chunks, pages = progress.get("chunks_total"), progress.get("pages_total")
    if chunks:
        return progress.get("chunks_indexed") or 0, chunks
    return (progress.get("pages_done") or 0, pages) if pages else (0, None)


def seconds(count: float) -> str:
    """A duration as people say it."""
    whole = round(count)
    if whole < 100:
        return f"{whole} s"
    minutes = round(count / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours = count / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{round(hours / 24)} days"


def ago(moment: str | None) -> str:
    """A moment of the service's, by its distance from now; another clock may be a little ahead."""
    if not moment:
        return "-"
    passed = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    return f"{seconds(max(passed, 0.0))} ago"


def _stage(job: Job) -> str:
    """The stage with pages until the number of chunks is known, and with chunks from then on."""
    word = job.get("stage") or job["status"]
    progress = job.get("progress") or {}
    chunks, pages = progress.get("chunks_total"), progress.get("pages_total")
    if chunks:
        return f"{word} {progress.get('chunks_indexed') or 0}/{chunks} chunks"
    return f"{word} {progress.get('pages_done') or 0}/{pages} pages" if pages else word


def _left(job: Job) -> str:
    estimate = job.get("estimate")
    return f"about {seconds(estimate['seconds_left'])} left" if estimate else ""
