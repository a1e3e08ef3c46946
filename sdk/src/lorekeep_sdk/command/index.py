"""`lorekeep reindex` and `lorekeep reembed`: a collection's index, gone through or compared, and made whole."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lorekeep_sdk.answers import Reconciled
from lorekeep_sdk.command.screen import console, error_console, plain_table, print_json, safe
from lorekeep_sdk.command.session import AsJson, Key, Url, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

_LOOK_AGAIN_SECONDS = 1.0
_QUEUE = "reindex"
_LATER = "What was queued goes on."

Name = Annotated[str, typer.Argument(help="Collection, by name or id.", show_default=False)]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until none of its jobs is left.")]


def reindex(collection: Name, wait: Wait = False, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Put back what the index of a collection lacks, from what was parsed; searches go on meanwhile.

    Exit codes: 0 queued (with --wait: done), 1 refused or jobs failed, 2 wrong use or no service found, 130
    interrupted.
    """

    async def work(client: "AsyncLorekeep") -> tuple[int, int]:
        queued = await client.collections.reindex(collection)
        return queued, await _emptied(client, collection) if wait else 0

    queued, failed = run(url, key, work, interrupted=_LATER)
    if as_json:
        print_json({"queued": queued, **({"failed": failed} if wait else {})})
    else:
        console().print(_told(queued, failed, wait))
    raise typer.Exit(1 if failed else 0)


def reembed(
    collection: Name,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only what the index lacks (nothing else is offered).")
    ] = False,
    wait: Wait = False,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Compare a collection with its index: queue what is missing there, remove what belongs to nothing.

    Exit codes: 0 whole or queued (with --wait: done), 1 refused or jobs failed, 2 wrong use or no service found, 130
    interrupted.
    """
    if not missing:
        raise typer.BadParameter("say --missing; `lorekeep reindex` goes through all documents", param_hint="--missing")

    async def work(client: "AsyncLorekeep") -> tuple[Reconciled, int]:
        found = await client.collections.reconcile(collection)
        return found, await _emptied(client, collection) if wait and found["jobs_queued"] else 0

    found, failed = run(url, key, work, interrupted=_LATER)
    if as_json:
        print_json({**found, **({"failed": failed} if wait else {})})
    else:
        console().print(_reconciled(found))
        console().print(_told(found["jobs_queued"], failed, wait))
    raise typer.Exit(1 if failed else 0)


async def _emptied(client: "AsyncLorekeep", collection: str) -> int:
    """Waits until no reindex job of the collection waits or runs; gives how many have failed since."""
    known = {each["id"] async for each in client.jobs.list(collection=collection, queue=_QUEUE, status="failed")}
    with error_console().status("reindexing") as shown:
        while left := await _left(client, collection):
            shown.update(f"reindexing: {left} job{'' if left == 1 else 's'} left")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    failed = client.jobs.list(collection=collection, queue=_QUEUE, status="failed")
    return len({each["id"] async for each in failed} - known)


async def _left(client: "AsyncLorekeep", collection: str) -> int:
    count = 0
    for status in ("queued", "running"):
        async for _ in client.jobs.list(collection=collection, queue=_QUEUE, status=status, page_size=100):
            count += 1
    return count


def _told(queued: int, failed: int, waited: bool) -> str:
    if not queued:
        return "Nothing had to be queued."
    jobs = f"{queued} job{'' if queued == 1 else 's'}"
    if not waited:
        return f"Queued {jobs}. `lorekeep queues` shows how far they are."
    return (
        f"{jobs} done, {failed} failed; `lorekeep jobs list --queue reindex` says why." if failed else f"{jobs} done."
    )


def _reconciled(found: Reconciled) -> Any:
    table = plain_table("compared", numbers=("count",))
    for name, count in found.items():
        table.add_row(safe(name.replace("_", " ")), str(count))
    return table
