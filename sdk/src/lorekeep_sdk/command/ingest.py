"""`lorekeep ingest`: files and folders into a collection, each file a document, with its outcome at the end."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lorekeep_sdk.command import reading_options as options
from lorekeep_sdk.command import screen
from lorekeep_sdk.command.file_runs import FileRuns, Order
from lorekeep_sdk.command.files import File, files, root_of
from lorekeep_sdk.command.ingest_views import Bars, Lines, Quiet
from lorekeep_sdk.command.journal import Journals
from lorekeep_sdk.command.session import AsJson, Key, Url, json_object, run
from lorekeep_sdk.command.tally import Tally
from lorekeep_sdk.errors import Conflict, NotFound

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
    strategy: options.Strategy = None,
    languages: options.Languages = "",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Uploads at once.")] = 4,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for a service that is full.")] = 600,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Send again what failed for good, too.")] = False,
    journal: Annotated[
        Path | None,
        typer.Option(help="Journal to go on with; by default one below ~/.local/state.", show_default=False),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier runs have done.")] = False,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Add files and folders to a collection, and go on where an earlier run stopped.

    Run it again at any time, also after it was killed: what the service has already is not sent again, what failed for
    a passing reason is retried, and no document is made twice.

    Exit codes: 0 all succeeded, 1 some failed or the service refused, 2 wrong use or no service found, 130 interrupted.
    """
    told, reading = json_object(metadata, "--metadata"), options.reading_of(strategy, languages)
    order = Order(collection, told, wait, concurrency, retry_failed, journal, fresh, reading)
    count = sum(1 for _ in files(paths))
    if not count:
        screen.complain("No files there. Hidden files are left out of folders; name one to send it.")
        raise typer.Exit(2)
    view = _view(as_json, count)
    with Tally() as tally:
        work = Ingest(order, view, tally)
        run(
            url,
            key,
            lambda client: work.all(client, paths),
            interrupted=_INTERRUPTED,
            patience_seconds=patience,
            on_wait=view.waits,
        )
        if as_json:
            tally.print_json(collection)
        else:
            tally.show(screen.console())
        counts = tally.counts()
    raise typer.Exit(1 if counts["failed"] or (wait and counts["queued"]) else 0)


class Ingest:
    """Takes files through, a bounded number at once, and tallies their outcomes."""

    def __init__(self, order: Order, view: Quiet, tally: Tally) -> None:
        self._order = order
        self._view = view
        self._tally = tally
        self._under_way = asyncio.Semaphore(order.concurrency + _WATCHED_COUNT)

    async def all(self, client: "AsyncLorekeep", paths: Sequence[Path]) -> None:
        """Takes every file through. Errors of the collection itself and of the journal are raised."""
        collection_id = await self._collection_id(client)
        order, roots = self._order, map(root_of, paths)
        journals = Journals(client.url, collection_id, roots, named=order.journal, fresh=order.fresh)
        with journals, self._view:
            runs = FileRuns(client, order, journals, self._view)
            async with asyncio.TaskGroup() as group:
                for number, file in enumerate(files(paths)):
                    await self._under_way.acquire()
                    group.create_task(self._one(runs, number, file))

    async def _collection_id(self, client: "AsyncLorekeep") -> str:
        """The collection, made where it is not there."""
        name = self._order.collection
        try:
            return (await client.collections.get(name))["id"]
        except NotFound:
            try:
                return (await client.collections.create(name))["id"]
            except Conflict:
                return (await client.collections.get(name))["id"]  # another run made it meanwhile

    async def _one(self, runs: FileRuns, number: int, file: File) -> None:
        try:
            row = await runs.outcome(file)
            self._tally.put(number, row)
            self._view.ended(file, row)
        finally:
            self._under_way.release()


def _view(as_json: bool, count: int) -> Quiet:
    if as_json:
        return Quiet()
    out = screen.error_console()
    return Bars(out, count) if out.is_terminal else Lines(out, count)
