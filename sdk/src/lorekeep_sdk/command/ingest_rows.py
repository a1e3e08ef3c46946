"""The outcome of each file of an ingest, and the table and counts at its end."""

from collections.abc import Sequence
from typing import Any, TypedDict

from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Accepted, Document, Job
from lorekeep_sdk.command.files import File
from lorekeep_sdk.command.screen import safe, status_text

_NAME_CHARACTERS = 48
_LEAST_CHARACTERS = 20
GOOD = frozenset({"succeeded", "queued", "running"})


class Row(TypedDict):
    """What became of a file. `status` is the job's; a file that was not accepted is `failed` and has no job.

    `pages` and `chunks` are None where the service did not say; `reason` is "" where all went well.
    """

    file: str
    document_id: str
    job_id: str | None
    status: str
    pages: int | None
    chunks: int | None
    seconds: float
    reason: str
    message: str
    trace_id: str


def refused(file: File, seconds: float, reason: str, message: str, trace_id: str = "") -> Row:
    """The row of a file that was not accepted."""
    return _row(file, seconds, status="failed", reason=reason, message=message, trace_id=trace_id)


def accepted(file: File, seconds: float, answer: Accepted, job: Job | None) -> Row:
    """The row of an accepted file, by its job; without a job nothing had changed and the document speaks."""
    document = answer["document"]
    if job is not None:
        row = of_job(file, seconds, job)
    else:
        row = _row(file, seconds, status=job_status(document), **_said(document.get("error")))
    unchanged = answer.get("unchanged") or job is None
    return {**row, "reason": "unchanged"} if unchanged and row["status"] == "succeeded" and not row["reason"] else row


def of_job(file: File, seconds: float, job: Job) -> Row:
    """The row of a file by its job."""
    progress = job.get("progress") or {}
    pages = progress.get("pages_total")
    return _row(
        file,
        seconds,
        job_id=job["id"],
        status=job["status"],
        pages=pages or progress.get("pages_done"),
        chunks=progress.get("chunks_indexed"),
        **(_said(job.get("error")) or _warned(job.get("warnings"))),
    )


def job_status(document: Document) -> str:
    """The status that the job of a document has, or had."""
    return {"ready": "succeeded", "failed": "failed"}.get(document["status"], "queued")


def kind(row: Row) -> str:
    """Whether a row succeeded, is still under way (`queued`), or failed."""
    if row["status"] == "succeeded":
        return "succeeded"
    return "queued" if row["status"] in ("queued", "running") else "failed"


def table(rows: Sequence[Row], width: int) -> Table:
    """The rows as a table; on a narrow screen names are folded earlier, so that reasons have room."""
    made = Table(box=None, header_style="dim", pad_edge=False)
    longest = max((len(row["document_id"]) for row in rows), default=0)
    made.add_column(
        "file", overflow="fold", min_width=min(longest, max(_LEAST_CHARACTERS, min(_NAME_CHARACTERS, width // 4)))
    )
    made.add_column("status", no_wrap=True)
    for title in ("pages", "chunks", "seconds"):
        made.add_column(title, justify="right", no_wrap=True)
    made.add_column("reason", overflow="fold", min_width=_LEAST_CHARACTERS if any(map(_bad, rows)) else None)
    for row in rows:
        numbers = (_count(row["pages"]), _count(row["chunks"]), f"{row['seconds']:.1f}")
        made.add_row(Text(safe(row["document_id"])), status_text(row["status"]), *numbers, why(row))
    return made


def _bad(row: Row) -> bool:
    return row["status"] not in GOOD


def why(row: Row) -> Text:
    """Reason and message of a row, in one line."""
    style = "dim" if row["status"] in GOOD else "red"
    text = Text(safe(row["reason"]), style=style)
    if row["message"]:
        text.append(f": {safe(' '.join(row['message'].split()))}", style="default" if style == "red" else "dim")
    return text


def counted(counts: dict[str, int]) -> Text:
    """The counts as a sentence."""
    text = Text(f"{counts['files']} file{'' if counts['files'] == 1 else 's'}: ")
    parts = [
        Text(f"{counts[word]} {word}", style=style)
        for word, style in (("succeeded", "green"), ("queued", "cyan"), ("failed", "red"))
        if counts[word] or word == "succeeded"
    ]
    return text.append_text(Text(", ").join(parts))


def _row(file: File, seconds: float, **known: Any) -> Row:
    row: Row = {
        "file": str(file.path),
        "document_id": file.document_id,
        "job_id": None,
        "status": "",
        "pages": None,
        "chunks": None,
        "seconds": round(seconds, 3),
        "reason": "",
        "message": "",
        "trace_id": "",
    }
    row.update(known)  # type: ignore[typeddict-item]
    return row


def _said(error: Any) -> dict[str, str]:
    return {"reason": error["reason"], "message": error["message"]} if error else {}


def _warned(warnings: list[Any] | None) -> dict[str, str]:
    """Reasons of warnings, whether they come as words or as objects."""
    words = [str(each.get("reason", each)) if isinstance(each, dict) else str(each) for each in warnings or []]
    return {"reason": ", ".join(words)} if words else {}


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)
