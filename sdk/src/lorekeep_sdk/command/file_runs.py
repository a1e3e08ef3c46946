"""One file of an ingest, from what is known of it to its outcome.

What the journal says counts only as far as the service confirms it: a job that is gone leads to the document, and a
document that is gone to the file being sent again.
"""

import asyncio
import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lorekeep_sdk.answers import FINISHED, Accepted, Job
from lorekeep_sdk.command import ingest_rows
from lorekeep_sdk.command.files import File
from lorekeep_sdk.command.ingest_rows import Row
from lorekeep_sdk.command.ingest_views import Quiet
from lorekeep_sdk.command.journal import ACCEPTED, REFUSED, SENDING, Entry, Journals
from lorekeep_sdk.errors import (
    Conflict,
    LimitExceeded,
    LorekeepApiError,
    LorekeepError,
    NoAnswer,
    NotFound,
    Unavailable,
)
from lorekeep_sdk.reading_answers import Reading

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

_IN_PARTS_BYTES = 32 * 1024 * 1024
# Refusals of the file as it is; sending it again would bring the same.
_FOR_GOOD = frozenset({400, 413, 415, 422})
# These end a job with its attempts used up, and are the document's own fault all the same.
_OF_THE_DOCUMENT = frozenset({"parser_crashed", "parse_timeout", "worker_lost"})


class Order(NamedTuple):
    """What is asked for."""

    collection: str
    metadata: dict[str, Any] | None
    wait: bool
    concurrency: int
    retry_failed: bool = False
    journal: Path | None = None
    fresh: bool = False
    reading: Reading | None = None


class FileRuns:
    """Takes files through, each for itself.

    When the service stops answering or stays full for good, what has not been sent is left and told as `not_sent`.
    """

    def __init__(self, client: "AsyncLorekeep", order: Order, journals: Journals, view: Quiet) -> None:
        self._client = client
        self._order = order
        self._journals = journals
        self._view = view
        self._reading = order.reading or Reading()
        self._asked = _asked(order)
        self._uploads = asyncio.Semaphore(order.concurrency)
        self._gone = False

    async def outcome(self, file: File) -> Row:
        """What became of a file."""
        started = time.monotonic()

        def refused(reason: str, message: str, trace_id: str = "") -> Row:
            return ingest_rows.refused(file, time.monotonic() - started, reason, message, trace_id)

        if file.problem:
            return refused(*file.problem)
        try:
            return await self._taken_through(file, started)
        except LorekeepApiError as error:
            self._gone = self._gone or isinstance(error, (LimitExceeded, Unavailable))
            return refused(error.reason, error.message, error.trace_id)
        except NoAnswer as error:
            self._gone = True
            return refused("no_answer", str(error))
        except LorekeepError as error:
            return refused("file_changed", str(error))
        except OSError as error:
            return refused("unreadable", error.strerror or str(error))

    async def _taken_through(self, file: File, started: float) -> Row:
        entry, same = await self._known(file)
        if same and entry.outcome == REFUSED and not self._order.retry_failed:
            return ingest_rows.refused(file, 0.0, entry.reason, entry.message)
        answer = await self._resumed(file, entry) if same else None
        if answer is None:
            async with self._uploads:
                if self._gone:
                    said = "The service had stopped answering, or stayed full. Run the same command again."
                    return ingest_rows.refused(file, 0.0, "not_sent", said)
                started = time.monotonic()
                answer = await self._sent(file, entry)
        return await self._watched(file, entry, answer, started)

    async def _known(self, file: File) -> tuple[Entry, bool]:
        """The file as it is now with what the journal knows of it, and whether that is of the very same file."""
        stat = await asyncio.to_thread(file.path.stat)
        known = await asyncio.to_thread(self._journals.find, file)
        alike = known is not None and known.asked == self._asked and known.size_bytes == stat.st_size
        if known and alike and known.mtime_ns == stat.st_mtime_ns:
            return known, True
        sha256 = await asyncio.to_thread(_sha256, file.path)
        if known and alike and known.sha256 == sha256:
            touched = known._replace(mtime_ns=stat.st_mtime_ns)
            await self._note(file, touched, durable=False)
            return touched, True
        new = Entry("", file.document_id, stat.st_size, stat.st_mtime_ns, sha256, self._asked, SENDING)
        return new, False

    async def _resumed(self, file: File, entry: Entry) -> Accepted | None:
        """What the service knows of a file that was sent before; None where it has to be sent."""
        if entry.outcome == REFUSED:
            return None
        answer = await (self._arrived if entry.outcome == SENDING else self._accepted)(file, entry)
        job = answer.get("job") if answer else None
        if answer and job and job["status"] in ("failed", "cancelled"):
            if self._order.retry_failed:
                return None
            answer["job"] = await self._retried(job) if _passing(job) else job
        return answer

    async def _accepted(self, file: File, entry: Entry) -> Accepted | None:
        """An accepted file by its job, or by its document where the job is gone; None where both are."""
        try:
            job = await self._client.jobs.get(entry.job_id) if entry.job_id else None
        except NotFound:
            job = None
        if job is None:
            return await self._as_it_is(file)
        return {"document": {"id": file.document_id, "status": "pending"}, "job": job, "unchanged": True}

    async def _arrived(self, file: File, entry: Entry) -> Accepted | None:
        """Whether a file arrived whose sending was cut off before the answer came."""
        try:
            versions = await self._client.documents.versions(self._order.collection, file.document_id)
        except NotFound:
            return None
        if not versions or versions[0].get("sha256") != entry.sha256:
            return None
        return await self._as_it_is(file)

    async def _as_it_is(self, file: File) -> Accepted | None:
        """The document with its latest job; None where it is not there, or going."""
        try:
            document = await self._client.documents.get(self._order.collection, file.document_id)
            listed = self._client.jobs.list(collection=self._order.collection, document=file.document_id, page_size=1)
            job = await anext(listed, None)
        except NotFound:
            return None
        if document["status"] == "deleting" or (document["status"] == "failed" and self._order.retry_failed):
            return None
        return {"document": document, "job": job, "unchanged": True}

    async def _retried(self, job: Job) -> Job:
        try:
            return await self._client.jobs.retry(job["id"])
        except Conflict:
            return await self._client.jobs.get(job["id"])  # somebody else retried it meanwhile

    async def _sent(self, file: File, entry: Entry) -> Accepted:
        self._view.begun(file, entry.size_bytes)
        try:
            answer = await (self._in_parts if entry.size_bytes > _IN_PARTS_BYTES else self._whole)(file, entry)
        except LorekeepApiError as error:
            if error.status in _FOR_GOOD:
                told = entry._replace(outcome=REFUSED, reason=error.reason, message=error.message)
                await self._note(file, told)
            raise
        job = answer.get("job")
        if job and answer.get("unchanged") and job["status"] in ("failed", "cancelled"):
            answer["job"] = await self._retried(job)
        return answer

    async def _whole(self, file: File, entry: Entry) -> Accepted:
        await self._note(file, entry._replace(outcome=SENDING), durable=False)
        return await self._client.documents.add(
            self._order.collection,
            file.path,
            name=_name(file),
            document_id=file.document_id,
            metadata=self._order.metadata,
            strategy=self._reading.get("strategy"),
            languages=self._reading.get("languages"),
            on_sent=lambda count: self._view.sent(file, count),
        )

    async def _in_parts(self, file: File, entry: Entry) -> Accepted:
        def begun(upload_id: str) -> None:
            self._journals.add(file, entry._replace(outcome=SENDING, upload_id=upload_id))

        return await self._client.uploads.send(
            self._order.collection,
            file.path,
            name=_name(file),
            document_id=file.document_id,
            metadata=self._order.metadata,
            strategy=self._reading.get("strategy"),
            languages=self._reading.get("languages"),
            sha256=entry.sha256,
            upload_id=entry.upload_id,
            on_begun=lambda upload: begun(upload["id"]),
            on_sent=lambda count: self._view.sent(file, count),
        )

    async def _watched(self, file: File, entry: Entry, answer: Accepted, started: float) -> Row:
        """The outcome of an accepted file. It stays accepted where the service cannot be asked about it any more."""
        job = answer.get("job")
        status = job["status"] if job else ingest_rows.job_status(answer["document"])
        taken = entry._replace(
            outcome=status if status in FINISHED else ACCEPTED, job_id=job["id"] if job else None, upload_id=None
        )
        if taken != entry:
            await self._note(file, taken)
        trouble = None
        if job is not None and self._order.wait and job["status"] not in FINISHED:
            try:
                job = await self._client.jobs.wait(job["id"], on_change=lambda seen: self._view.looked(file, seen))
                await self._note(file, taken._replace(outcome=job["status"]), durable=False)
            except LorekeepError as error:
                self._gone = self._gone or isinstance(error, NoAnswer)
                trouble = f"It was accepted, but could not be watched. {error}"
        row = ingest_rows.accepted(file, time.monotonic() - started, answer, job)
        return row if trouble is None else {**row, "reason": "not_watched", "message": trouble}

    async def _note(self, file: File, entry: Entry, *, durable: bool = True) -> None:
        await asyncio.to_thread(self._journals.add, file, entry, durable=durable)


def _passing(job: Job) -> bool:
    """Whether a failed job may well succeed now: what was in its way was not the document."""
    error = job.get("error")
    return bool(job.get("dead")) and (error is None or error["reason"] not in _OF_THE_DOCUMENT)


def _name(file: File) -> str:
    return file.document_id.rsplit("/", 1)[-1]


def _asked(order: Order) -> str:
    """Stands for what is asked for beside the bytes; "" for nothing."""
    if order.metadata is None and not order.reading:
        return ""
    told = [order.metadata, order.reading] if order.reading else order.metadata
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
