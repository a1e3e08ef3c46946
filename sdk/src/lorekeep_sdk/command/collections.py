"""`lorekeep collections`: list, create, set, delete."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Collection
from lorekeep_sdk.command import reading_options as options
from lorekeep_sdk.command.screen import console, plain_table, print_json, receipt, safe
from lorekeep_sdk.command.session import AsJson, Key, Url, json_object, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

app = typer.Typer(no_args_is_help=True, help="List, create, change and delete collections.")

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
    chunking: options.Chunking = None,
    preset: options.Preset = "",
    max_tokens: options.MaxTokens = None,
    overlap_tokens: options.OverlapTokens = None,
    min_tokens: options.MinTokens = None,
    strategy: options.Strategy = None,
    languages: options.Languages = "",
    attachments: options.Attachments = None,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Create a collection. How its documents are cut cannot be changed once some were indexed."""
    declared = json_object(schema, "--schema")
    cut = options.chunking_of(chunking, preset, max_tokens, overlap_tokens, min_tokens)
    read = options.reading_of(strategy, languages, attachments)
    made = run(
        url,
        key,
        lambda client: client.collections.create(name, metadata_schema=declared, chunking=cut, reading=read),
    )
    if as_json:
        print_json(made)
    else:
        _show(f"Created {safe(made['name'])} ({safe(made['id'])}).", made)


@app.command("set")
def change(
    collection: Name,
    name: Annotated[str, typer.Option(help="A new name.", show_default=False)] = "",
    schema: Annotated[str, typer.Option(help="Further fields for filters as JSON.", show_default=False)] = "",
    chunking: options.Chunking = None,
    preset: options.Preset = "",
    max_tokens: options.MaxTokens = None,
    overlap_tokens: options.OverlapTokens = None,
    min_tokens: options.MinTokens = None,
    strategy: options.Strategy = None,
    languages: options.Languages = "",
    attachments: options.Attachments = None,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Change what is given. How documents are read holds for those that are read from now on."""
    declared = json_object(schema, "--schema")
    cut = options.chunking_of(chunking, preset, max_tokens, overlap_tokens, min_tokens)
    read = options.reading_of(strategy, languages, attachments)
    if not (name or declared or cut or read):
        raise typer.BadParameter("nothing is to be changed; `--help` lists what can be", param_hint="options")
    changed = run(
        url,
        key,
        lambda client: client.collections.update(
            collection, name=name or None, metadata_schema=declared, chunking=cut, reading=read
        ),
    )
    if as_json:
        print_json(changed)
    else:
        _show(f"Changed {safe(changed['name'])} ({safe(changed['id'])}).", changed)


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


def _show(headline: str, collection: Collection) -> None:
    """What was done, and how the collection's documents are cut and read now."""
    out = console()
    out.print(headline, markup=False)
    if cut := collection.get("chunking"):
        sizes = [cut.get(each) for each in ("max_tokens", "overlap_tokens", "min_tokens")]
        told = "sizes follow the model" if sizes[0] is None else "at most {} tokens, overlap {}, joined below {}"
        out.print(f"  cut   {safe(str(cut.get('strategy')))}, {told.format(*sizes)}", style="dim", markup=False)
    if read := collection.get("reading"):
        inside = "with" if read.get("attachments") else "without"
        languages = safe(", ".join(read.get("languages") or []))
        told = f"{safe(str(read.get('strategy')))}, {languages}, {inside} attachments"
        out.print(f"  read  {told}", style="dim", markup=False)


def _table(found: list[Collection]) -> Table:
    table = plain_table("name", "id", "filter fields", "created")
    for each in found:
        fields = ", ".join(f"{name} {kind}" for name, kind in (each.get("metadata_schema") or {}).items())
        created = (each.get("created_at") or "-")[:19]
        table.add_row(*(Text(safe(cell)) for cell in (each["name"], each["id"], fields or "-", created)))
    return table
