"""What the command prints: results on stdout, progress and complaints on stderr, nothing that a document can forge."""

import json
import re
import sys
from collections.abc import Sequence

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Receipt
from lorekeep_sdk.errors import LorekeepApiError, LorekeepError, NoAnswer, Unauthenticated

# Control characters could steer the terminal; each is shown as one replacement sign. Newline and tab stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_PIPE_CHARACTERS = 10_000

STATUS_STYLES = {
    "succeeded": "green",
    "ready": "green",
    "ok": "green",
    "active": "green",
    "failed": "red",
    "not_ready": "red",
    "cancelled": "yellow",
    "degraded": "yellow",
    "draining": "yellow",
    "running": "cyan",
    "processing": "cyan",
}


def console() -> Console:
    """Where results go; in a pipe or a file a row stays one line, however long."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_CHARACTERS)


def error_console() -> Console:
    """Where progress and complaints go."""
    return Console(stderr=True, highlight=False)


def safe(text: str) -> str:
    """The text without control characters, of the same length."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def plain_table(*titles: str, numbers: Sequence[str] = ()) -> Table:
    """A table without lines; texts are folded rather than cut, `numbers` stand to the right."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def receipt(what: str, given: Receipt) -> RenderableType:
    """What a deletion removed, a line for each store."""
    head = Text(f"Deleted {safe(what)}.")
    if given["status"] == "deleting":
        head.append(" It is found no more; the rest is removed in the background.", style="dim")
    removed = given.get("removed") or {}
    if not removed:
        return head
    table = plain_table("removed", numbers=("count",))
    for name, count in removed.items():
        table.add_row(Text(safe(name.replace("_", " "))), Text(str(count), style="" if count else "dim"))
    return Group(head, table)


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(safe(status), style=STATUS_STYLES.get(status, "dim"))


def print_json(value: object) -> None:
    """One JSON document on stdout; a file name that is not UTF-8 stays legal JSON."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    typer.echo(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def complain(what: str, *more: str) -> None:
    """One line on stderr: what is wrong, then what to do and where to look."""
    line = Text("error: ", style="bold red").append(safe(what), style="not bold default")
    for each in more:
        line.append(f" {safe(each)}", style="not bold default")
    error_console().print(line, soft_wrap=True)


def complain_of(error: LorekeepError) -> None:
    """The line for an error: message, reason and trace id where the service gave them, and what to do."""
    if isinstance(error, LorekeepApiError):
        trace = f"[trace {error.trace_id}]" if error.trace_id else ""
        hint = "Check --key or LOREKEEP_API_KEY." if isinstance(error, Unauthenticated) else ""
        complain(f"{error.message} ({error.reason})", *filter(None, (hint, trace)))
    elif isinstance(error, NoAnswer):
        complain(str(error), "Start the local suite with `make up`, or give --url.")
    else:
        complain(str(error))
