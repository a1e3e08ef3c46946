"""`lorekeep status`: how the service is, what its collections hold, and which documents failed and why."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Document, Health
from lorekeep_sdk.command.screen import console, print_json, safe, status_text
from lorekeep_sdk.command.session import AsJson, Key, Url, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

_STATUSES = ("ready", "processing", "pending", "failed")


class CollectionState(TypedDict):
    """A collection's documents by status, and those that failed."""

    name: str
    documents: dict[str, int]
    failed: list[Document]


class State(TypedDict):
    """The whole answer, as `--json` prints it; `collections` is None where the service is not ready to be asked."""

    url: str
    health: Health
    collections: list[CollectionState] | None


def status(
    collection: Annotated[str, typer.Argument(help="Only this collection.", show_default=False)] = "",
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Show the health of the parts, the collections and failed documents. Exit code 1 where it is not ready."""
    state = run(url, key, lambda client: _state(client, collection))
    if as_json:
        print_json(state)
    else:
        _show(console(), state)
    if state["health"].get("status") != "ready":
        raise typer.Exit(1)


async def _state(client: "AsyncLorekeep", only: str) -> State:
    health = await client.health()
    if health.get("status") != "ready":
        return {"url": client.url, "health": health, "collections": None}
    if only:
        names = [(await client.collections.get(only))["name"]]
    else:
        names = [each["name"] async for each in client.collections.list()]
    return {
        "url": client.url,
        "health": health,
        "collections": [await _collection(client, each) for each in names],
    }


async def _collection(client: "AsyncLorekeep", name: str) -> CollectionState:
    counts: Counter[str] = Counter()
    failed: list[Document] = []
    async for each in client.documents.list(name):
        counts[each["status"]] += 1
        if each["status"] == "failed":
            failed.append(each)
    return {"name": name, "documents": dict(counts), "failed": failed}


def _show(out: Console, state: State) -> None:
    health = state["health"]
    said = health.get("status", "unknown")
    out.print(Text(f"{state['url']} is ").append_text(status_text(said)))
    for name, component in sorted((health.get("components") or {}).items()):
        detail = component.get("detail", "")
        word = component.get("status", "unknown")
        out.print(Text(f"  {safe(name):<12}").append_text(status_text(word)).append(f"  {safe(detail)}", style="dim"))
    if state["collections"] is None:
        out.print("\nCollections are shown once it is ready; `make status` and `make logs` say what holds it up.")
        return
    if not state["collections"]:
        out.print("\nNo collections yet. `lorekeep ingest PATH --collection NAME` makes one.")
        return
    out.print()
    out.print(_collections_table(state["collections"]))
    failed = [(each["name"], document) for each in state["collections"] for document in each["failed"]]
    if failed:
        out.print()
        out.print(_failed_table(failed))


def _collections_table(collections: list[CollectionState]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("collection", overflow="fold")
    for title in ("documents", *_STATUSES):
        table.add_column(title, justify="right")
    for each in collections:
        counts = each["documents"]
        numbers = [_number(counts.get(word, 0), "red" if word == "failed" else "") for word in _STATUSES]
        table.add_row(Text(safe(each["name"]), style="bold"), _number(sum(counts.values())), *numbers)
    return table


def _number(value: int, style: str = "") -> Text:
    return Text(str(value), style=style if value else "dim")


def _failed_table(failed: list[tuple[str, Document]]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("failed document", "collection", "reason", "what it says"):
        table.add_column(title, overflow="fold")
    for name, document in failed:
        error = document.get("error") or {"reason": "unknown", "message": ""}
        reason = Text(safe(error["reason"]), style="red")
        table.add_row(Text(safe(document["id"])), Text(safe(name)), reason, Text(safe(error["message"])))
    return table
