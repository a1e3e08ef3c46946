"""`lorekeep collections`: list, create, delete."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Collection
from lorekeep_sdk.command.screen import console, plain_table, print_json, receipt, safe
from lorekeep_sdk.command.session import AsJson, Key, Url, json_object, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

app = typer.Typer(no_args_is_help=True, help="List, create and delete collections.")

Name = Annotated[str, typer.Argument(help="Collection, by name or id.", show_default=False)]


@app.command("list")
def list_all(as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """List the collections."""

    async def work(client: "AsyncLorekeep") -> list[Collection]:
        return [each async for each in client.collections.list()]

    found = run(url, key, work)
    if as_json:
        print_json({"collections": found})
    elif not found:
        console().print("No collections yet. `lorekeep ingest PATH --collection NAME` makes one.")
    else:
        console().print(_table(found))


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Letters, digits, _ and -.", show_default=False)],
    schema: Annotated[
        str, typer.Option(help='Fields for filters as JSON, such as {"year": "integer"}.', show_default=False)
    ] = "",
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Create a collection."""
    declared = json_object(schema, "--schema")
    made = run(url, key, lambda client: client.collections.create(name, metadata_schema=declared))
    if as_json:
        print_json(made)
    else:
        console().print(f"Created {safe(made['name'])} ({safe(made['id'])}).")


@app.command("delete")
def delete(
    collection: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Delete a collection with all its documents, and show what was removed.

    Exit codes: 0 deleted (a part may be finished in the background), 1 refused, 2 wrong use or no service found.
    """
    if not yes and not as_json:
        typer.confirm(f"Delete {safe(collection)} with all its documents?", abort=True)
    given = run(url, key, lambda client: client.collections.delete(collection))
    if as_json:
        print_json({"deleted": collection, **given})
    else:
        console().print(receipt(collection, given))


def _table(found: list[Collection]) -> Table:
    table = plain_table("name", "id", "filter fields", "created")
    for each in found:
        fields = ", ".join(f"{name} {kind}" for name, kind in (each.get("metadata_schema") or {}).items())
        created = (each.get("created_at") or "-")[:19]
        table.add_row(*(Text(safe(cell)) for cell in (each["name"], each["id"], fields or "-", created)))
    return table
