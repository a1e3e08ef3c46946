"""`lorekeep add`: a text, a question with its answer, or a web page as a document."""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from lorekeep_sdk.answers import Accepted
from lorekeep_sdk.command import accepted
from lorekeep_sdk.command.session import AsJson, Key, Url, json_object, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

app = typer.Typer(
    no_args_is_help=True,
    help="Add a text, a question with its answer, or a web page.\n\n"
    "Exit codes: 0 it can be found (with --no-wait: it is accepted), 1 refused or failed, "
    "2 wrong use or no service found.",
)

Home = Annotated[str, typer.Option("--collection", "-c", help="Collection, by name or id.", show_default=False)]
DocumentId = Annotated[
    str, typer.Option("--id", help="Id of the document; one that is there gets a new version.", show_default=False)
]
Metadata = Annotated[str, typer.Option(help='Metadata as JSON, such as {"lang": "en"}.', show_default=False)]
Wait = Annotated[bool, typer.Option(help="Wait until it can be found.")]


@app.command("text")
def text(
    title: Annotated[str, typer.Argument(help="Its title.", show_default=False)],
    body: Annotated[str, typer.Argument(help="The text; - reads it from standard input.", show_default=False)],
    collection: Home,
    document_id: DocumentId = "",
    metadata: Metadata = "",
    wait: Wait = True,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Add a text."""
    said = sys.stdin.read() if body == "-" else body
    fields = json_object(metadata, "--metadata")
    _added(
        lambda client: client.texts.add(collection, title, said, metadata=fields, document_id=document_id or None),
        (wait, as_json, url, key),
    )


@app.command("qna")
def qna(
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    answer: Annotated[str, typer.Argument(help="Its answer.", show_default=False)],
    collection: Home,
    document_id: DocumentId = "",
    metadata: Metadata = "",
    wait: Wait = True,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Add a question with its answer."""
    fields = json_object(metadata, "--metadata")
    _added(
        lambda client: client.qnas.add(collection, question, answer, metadata=fields, document_id=document_id or None),
        (wait, as_json, url, key),
    )


@app.command("website")
def website(
    address: Annotated[str, typer.Argument(help="Address of the page.", show_default=False)],
    collection: Home,
    document_id: DocumentId = "",
    metadata: Metadata = "",
    wait: Wait = True,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Add a web page, fetched by the service."""
    fields = json_object(metadata, "--metadata")
    _added(
        lambda client: client.websites.add(collection, address, metadata=fields, document_id=document_id or None),
        (wait, as_json, url, key),
    )


def _added(call: Callable[["AsyncLorekeep"], Awaitable[Accepted]], how: tuple[bool, bool, str, str]) -> None:
    wait, as_json, url, key = how
    answer = run(url, key, lambda client: accepted.followed(client, call(client), wait), interrupted="It goes on.")
    accepted.show(answer, as_json)
