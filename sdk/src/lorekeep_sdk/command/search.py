"""`lorekeep search`: numbered hits with document, page, headings and the marked passage."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lorekeep_sdk.answers import Hit, SearchAnswer, SearchMode
from lorekeep_sdk.command.passages import passage
from lorekeep_sdk.command.screen import console, print_json, safe
from lorekeep_sdk.command.session import AsJson, Key, Url, json_object, run

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

_PASSAGE_CHARACTERS = 360


def search(
    collection: Annotated[str, typer.Argument(help="Collection, by name or id.", show_default=False)],
    query: Annotated[str, typer.Argument(help="What to look for, in your own words.", show_default=False)],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Most hits.")] = 10,
    mode: Annotated[SearchMode, typer.Option(help="By meaning and word, meaning alone, or word alone.")] = "hybrid",
    filter: Annotated[
        str, typer.Option(help='Condition as JSON, such as {"year": {"$gte": 2020}}.', show_default=False)
    ] = "",
    group_by: Annotated[str, typer.Option(help="`document` for one hit a document.", show_default=False)] = "",
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Find passages by meaning and by word."""
    condition = json_object(filter, "--filter")

    async def work(client: "AsyncLorekeep") -> SearchAnswer:
        return await client.search(
            collection, query, limit=limit, mode=mode, filter=condition, group_by=group_by or None
        )

    started = time.monotonic()
    answer = run(url, key, work)
    if as_json:
        print_json(answer)
    else:
        _show(console(), collection, query, answer, time.monotonic() - started)


def _show(out: Console, collection: str, query: str, answer: SearchAnswer, seconds: float) -> None:
    hits = answer["hits"]
    if not hits:
        out.print(f"Nothing found in {safe(collection)}. Try other words; `lorekeep status` shows what is indexed.")
        return
    for number, hit in enumerate(hits, 1):
        out.print()
        _show_hit(out, number, hit, query)
    trace = answer.get("trace_id")
    more = f" · trace {safe(trace)}" if trace else ""
    count = f"{len(hits)} hit{'s' if len(hits) > 1 else ''}"
    out.print(f"\n{count} in {safe(collection)} · {seconds:.2f} s{more}", style="dim", markup=False)


def _show_hit(out: Console, number: int, hit: Hit, query: str) -> None:
    head = Table.grid(expand=out.is_terminal, padding=(0, 1))
    head.add_column(justify="right", width=3)
    head.add_column(ratio=1 if out.is_terminal else None, overflow="fold")
    head.add_column(justify="right", no_wrap=True)
    head.add_row(Text(f"{number}.", style="bold cyan"), _place(hit), Text(f"{hit['score']:.3f}", style="dim"))
    out.print(head)
    out.print(Padding(passage(hit["text"], query, _PASSAGE_CHARACTERS), (0, 4), expand=False))


def _place(hit: Hit) -> Text:
    """Document, page and headings, as far as they are known."""
    place = Text(safe(hit.get("document_name") or hit["document_id"]), style="bold")
    page = hit.get("page")
    if page:
        place.append(f"  page {page}", style="green")
    headings = hit.get("heading_path")
    if headings:
        place.append(f"  {safe(' › '.join(' '.join(each.split()) for each in headings))}", style="not bold dim")
    return place
