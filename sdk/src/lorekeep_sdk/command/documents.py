"""`lorekeep documents`: list, delete."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Document
from lorekeep_sdk.command.screen import console, print_json, safe, status_text
from lorekeep_sdk.command.session import AsJson, Key, Url, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

app = typer.Typer(no_args_is_help=True, help="List and delete documents.")

Name = Annotated[str, typer.Argument(help="Collection, by name or id.", show_default=False)]


@app.command("list")
def list_all(collection: Name, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """List the documents of a collection."""

    async def work(client: "AsyncLorekeep") -> list[Document]:
        return [each async for each in client.documents.list(collection)]

    found = run(url, key, work)
    if as_json:
        print_json({"documents": found})
    elif not found:
        console().print(f"No documents in {safe(collection)}. `lorekeep ingest PATH --collection ...` adds some.")
    else:
        console().print(_table(found))


@app.command("delete")
def delete(
    collection: Name,
    document_id: Annotated[str, typer.Argument(help="Document, by its id.", show_default=False)],
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Delete a document with its passages."""
    run(url, key, lambda client: client.documents.delete(collection, document_id))
    if as_json:
        print_json({"deleted": document_id})
    else:
        console().print(f"Deleted {safe(document_id)}.")


def _table(found: list[Document]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("document", "status", "version", "reason"):
        table.add_column(title, overflow="fold")
    for each in found:
        error = each.get("error")
        reason = Text(safe(error["reason"]) if error else "", style="red")
        version = each.get("version")
        table.add_row(Text(safe(each["id"])), status_text(each["status"]), str(version or "-"), reason)
    return table
