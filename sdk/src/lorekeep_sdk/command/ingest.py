"""`lorekeep ingest`: files and folders into a collection, each file a document, with its outcome at the end."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console

from lorekeep_sdk.answers import Accepted
from lorekeep_sdk.command import ingest_rows, screen
from lorekeep_sdk.command.files import File, files
from lorekeep_sdk.command.ingest_rows import Row
from lorekeep_sdk.command.ingest_views import Bars, Lines, Quiet
from lorekeep_sdk.command.session import AsJson, Key, Url, json_object, run
from lorekeep_sdk.errors import Conflict, LorekeepApiError, LorekeepError, NoAnswer, NotFound

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

# Files whose jobs are watched at once, beside those being sent: enough to keep the service busy, few enough to ask for.
_WATCHED_COUNT = 32
_INTERRUPTED = "What was accepted goes on; run the same command again for the rest."


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.", show_default=False)],
    collection: Annotated[
        str, typer.Option("--collection", "-c", help="Collection; made if it does not exist.", show_default=False)
    ],
    wait: Annotated[bool, typer.Option(help="Wait until the documents can be searched.")] = True,
    metadata: Annotated[
        str, typer.Option(help='Metadata of each document as JSON, such as {"lang": "en"}.', show_default=False)
    ] = "",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Uploads at once.")] = 4,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Add files and folders to a collection. Run it again at any time: no document is made twice."""
    order = Order(collection, json_object(metadata, "--metadata"), wait, concurrency)
    found = files(paths)
    if not found:
        screen.complain("No files there. Hidden files are left out of folders; name one to send it.")
        raise typer.Exit(2)
    view = _view(as_json, len(found))
    rows = run(url, key, lambda client: Ingest(client, order, view).all(found), interrupted=_INTERRUPTED)
    counts = ingest_rows.summary(rows)
    if as_json:
        screen.print_json({"collection": collection, "counts": counts, "documents": rows})
    else:
        _show(screen.console(), rows, counts)
    raise typer.Exit(1 if counts["failed"] or (wait and counts["queued"]) else 0)


class Order(NamedTuple):
    """What is asked for."""

    collection: str
    metadata: dict[str, Any] | None
    wait: bool
    concurrency: int


class Ingest:
    """Sends files, a bounded number at once, and watches their jobs.

    When the service stops answering for good, what has not been sent is left and told as `not_sent`.
    """

    def __init__(self, client: "AsyncLorekeep", order: Order, view: Quiet) -> None:
        self._client = client
        self._order = order
        self._view = view
        self._uploads = asyncio.Semaphore(order.concurrency)
        self._under_way = asyncio.Semaphore(order.concurrency + _WATCHED_COUNT)
        self._gone = False

    async def all(self, found: list[File]) -> list[Row]:
        """The outcome of each file, in their order. Errors of the collection itself are raised."""
        await self._ensure_collection()
        rows: dict[File, Row] = {}
        with self._view:
            async with asyncio.TaskGroup() as group:
                for file in found:
                    await self._under_way.acquire()
                    group.create_task(self._one(file, rows))
        return [rows[file] for file in found]

    async def _ensure_collection(self) -> None:
        try:
            await self._client.collections.get(self._order.collection)
        except NotFound:
            try:
                await self._client.collections.create(self._order.collection)
            except Conflict:
                await self._client.collections.get(self._order.collection)  # another run made it meanwhile

    async def _one(self, file: File, rows: dict[File, Row]) -> None:
        try:
            rows[file] = await self._outcome(file)
            self._view.ended(file, rows[file])
        finally:
            self._under_way.release()

    async def _outcome(self, file: File) -> Row:
        started = time.monotonic()

        def refused(reason: str, message: str, trace_id: str = "") -> Row:
            return ingest_rows.refused(file, time.monotonic() - started, reason, message, trace_id)

        if file.problem:
            return refused(*file.problem)
        try:
            async with self._uploads:
                if self._gone:
                    return refused("not_sent", "The service had stopped answering. Run the same command again.")
                started = time.monotonic()
                answer = await self._send(file)
            return await self._watched(file, answer, started)
        except LorekeepApiError as error:
            return refused(error.reason, error.message, error.trace_id)
        except NoAnswer as error:
            self._gone = True
            return refused("no_answer", str(error))
        except LorekeepError as error:
            return refused("file_changed", str(error))
        except OSError as error:
            return refused("unreadable", error.strerror or str(error))

    async def _send(self, file: File) -> Accepted:
        self._view.begun(file, file.path.stat().st_size)
        return await self._client.documents.add(
            self._order.collection,
            file.path,
            name=file.document_id.rsplit("/", 1)[-1],
            document_id=file.document_id,
            metadata=self._order.metadata,
            on_sent=lambda count: self._view.sent(file, count),
        )

    async def _watched(self, file: File, answer: Accepted, started: float) -> Row:
        """The outcome of an accepted file. It stays accepted where the service cannot be asked about it any more."""
        job = answer.get("job")
        trouble = None
        if job is not None and self._order.wait:
            try:
                job = await self._client.jobs.wait(job["id"], on_change=lambda seen: self._view.looked(file, seen))
            except LorekeepError as error:
                self._gone = self._gone or isinstance(error, NoAnswer)
                trouble = f"It was accepted, but could not be watched. {error}"
        row = ingest_rows.accepted(file, time.monotonic() - started, answer, job)
        return row if trouble is None else {**row, "reason": "not_watched", "message": trouble}


def _view(as_json: bool, count: int) -> Quiet:
    if as_json:
        return Quiet()
    out = screen.error_console()
    return Bars(out, count) if out.is_terminal else Lines(out, count)


def _show(out: Console, rows: list[Row], counts: dict[str, int]) -> None:
    out.print(ingest_rows.table(rows))
    out.print()
    out.print(ingest_rows.counted(counts))
