"""`lorekeep documents`: list, show, delete, pages, versions, restore."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Document, Version
from lorekeep_sdk.command import accepted
from lorekeep_sdk.command.screen import console, plain_table, print_json, receipt, safe, status_text
from lorekeep_sdk.command.session import AsJson, Key, Url, run
from lorekeep_sdk.reading_answers import Page

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

_PAGE_SIZE = 100
_OUTCOME_STYLES = {"ocr": "cyan", "empty": "yellow", "garbled": "yellow", "skipped": "red"}

app = typer.Typer(no_args_is_help=True, help="List, show and delete documents, list pages and versions, restore one.")

Name = Annotated[str, typer.Argument(help="Collection, by name or id.", show_default=False)]
DocumentId = Annotated[str, typer.Argument(help="Document, by its id.", show_default=False)]


@app.command("list")
def list_all(
    collection: Name,
    parent: Annotated[
        str | None, typer.Option(help="Only documents found inside of this one: a mail, an archive.")
    ] = None,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """List the documents of a collection."""

    async def work(client: "AsyncLorekeep") -> list[Document]:
        return [each async for each in client.documents.list(collection, parent=parent)]

    found = run(url, key, work)
    if as_json:
        print_json({"documents": found})
    elif not found and parent is not None:
        console().print(f"No documents inside of {safe(parent)}.")
    elif not found:
        console().print(f"No documents in {safe(collection)}. `lorekeep ingest PATH --collection ...` adds some.")
    else:
        console().print(_table(found))


@app.command("show")
def show(collection: Name, document_id: DocumentId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """Show a document: what is known of it, how it was read, and what it was found inside of."""
    found = run(url, key, lambda client: client.documents.get(collection, document_id))
    if as_json:
        print_json(found)
    else:
        console().print(_shown(found))


@app.command("delete")
def delete(
    collection: Name,
    document_id: DocumentId,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Delete a document with its passages and all that was found inside of it, and show what was removed.

    Exit codes: 0 deleted (a part may be finished in the background), 1 refused, 2 wrong use or no service found.
    """
    given = run(url, key, lambda client: client.documents.delete(collection, document_id))
    if as_json:
        print_json({"deleted": document_id, **given})
    else:
        console().print(receipt(document_id, given))


@app.command("pages")
def pages(collection: Name, document_id: DocumentId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """List the pages of a document, and what became of each when it was read."""

    async def work(client: "AsyncLorekeep") -> list[Page]:
        return [each async for each in client.documents.pages(collection, document_id, page_size=_PAGE_SIZE)]

    found = run(url, key, work)
    if as_json:
        print_json({"pages": found})
    elif not found:
        console().print(f"Nothing was read of {safe(document_id)} yet.")
    else:
        console().print(_pages_table(found))


@app.command("versions")
def versions(collection: Name, document_id: DocumentId, as_json: AsJson = False, url: Url = "", key: Key = "") -> None:
    """List the versions of a document, newest first."""
    found = run(url, key, lambda client: client.documents.versions(collection, document_id))
    if as_json:
        print_json({"versions": found})
    else:
        console().print(_versions_table(found))


@app.command("restore")
def restore(
    collection: Name,
    document_id: DocumentId,
    number: Annotated[int, typer.Argument(min=1, help="Version, by its number.", show_default=False)],
    wait: Annotated[bool, typer.Option(help="Wait until it is what searches find.")] = True,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Make an older version of a document the newest again."""
    accepted.show(
        run(
            url,
            key,
            lambda client: accepted.followed(client, client.documents.restore(collection, document_id, number), wait),
        ),
        as_json,
    )


def _table(found: list[Document]) -> Table:
    table = plain_table("document", "status", "version", "reason")
    for each in found:
        error = each.get("error")
        reason = Text(safe(error["reason"]) if error else "", style="red")
        version = each.get("version")
        table.add_row(Text(safe(each["id"])), status_text(each["status"]), str(version or "-"), reason)
    return table


def _pages_table(found: list[Page]) -> Table:
    table = plain_table("page", "outcome", numbers=("characters",))
    for each in found:
        outcome = Text(safe(each["outcome"]), style=_OUTCOME_STYLES.get(each["outcome"], "green"))
        table.add_row(str(each["page"]), outcome, str(each["characters"]))
    return table


def _shown(found: Document) -> Table:
    error = found.get("error")
    rows = {
        "status": found["status"],
        "name": found.get("name"),
        "version": found.get("version"),
        "inside of": found.get("parent"),
        "documents inside": found.get("children_count"),
        "warnings": "\n".join(map(str, found.get("warnings") or [])),
        "reason": f"{error['reason']}: {error['message']}" if error else None,
    }
    table = plain_table("document", escape(safe(found["id"])))
    for title, value in rows.items():
        if value:
            table.add_row(title, status_text(str(value)) if title == "status" else Text(safe(str(value))))
    return table


def _versions_table(found: list[Version]) -> Table:
    table = plain_table("version", "status", "found", "restorable", "name", "created", numbers=("bytes", "chunks"))
    for each in found:
        origin = (
            f"{each['number']} (from {each['restored_from']})" if each.get("restored_from") else str(each["number"])
        )
        flags = ("yes" if each.get("visible") else "no", "yes" if each.get("restorable") else "no")
        created = (each.get("created_at") or "-")[:19].replace("T", " ")
        numbers = ("-" if count is None else str(count) for count in (each.get("size_bytes"), each.get("chunk_count")))
        table.add_row(
            origin, status_text(each["status"]), *flags, Text(safe(each.get("name") or "-")), created, *numbers
        )
    return table
