"""The `lorekeep` command: its verbs, the verbs that services add, and its last word on errors."""

import os
import sys
from typing import Annotated

import typer

from lorekeep_sdk import __version__
from lorekeep_sdk.command import add, chunks, collections, documents, index, ingest, jobs, search, status, webhooks
from lorekeep_sdk.command.plugins import PluginGroup
from lorekeep_sdk.command.screen import complain

app = typer.Typer(
    cls=PluginGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Semantic search over your own documents. Finds the address and the key of a local suite by itself.\n\n"
    "Exit codes of every verb: 0 done, 1 refused or failed, 2 wrong use or no service found, 130 interrupted.",
)
app.command("ingest")(ingest.ingest)
app.command("search")(search.search)
app.command("status")(status.status)
app.command("queues")(jobs.queues)
app.command("workers")(jobs.workers)
app.command("reindex")(index.reindex)
app.command("reembed")(index.reembed)
app.add_typer(add.app, name="add")
app.add_typer(chunks.app, name="chunks")
app.add_typer(collections.app, name="collections")
app.add_typer(documents.app, name="documents")
app.add_typer(jobs.app, name="jobs")
app.add_typer(webhooks.app, name="webhooks")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lorekeep {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Takes the options that stand before a verb."""


def main() -> None:
    """Runs the command. A fault of the command itself is one line too; LOREKEEP_TRACEBACK=1 shows where it is."""
    try:
        app(prog_name="lorekeep")
    except Exception as error:  # the last handler of the process: it reports and ends
        if os.environ.get("LOREKEEP_TRACEBACK"):
            raise
        complain(f"The command itself failed: {type(error).__name__}: {error}", "LOREKEEP_TRACEBACK=1 shows where.")
        sys.exit(1)
