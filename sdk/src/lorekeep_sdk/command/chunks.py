"""`lorekeep chunks`: how documents would be cut."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from lorekeep_sdk.command import reading_options as options
from lorekeep_sdk.command.screen import console, print_json, safe
from lorekeep_sdk.command.session import AsJson, Key, Url, run
from lorekeep_sdk.reading_answers import ChunkPreview, Passage

if TYPE_CHECKING:
    from lorekeep_sdk.client import AsyncLorekeep

app = typer.Typer(no_args_is_help=True, help="See how documents would be cut into chunks.")


@app.callback()
def chunks() -> None:
    """Keeps the verbs below the noun, even where there is one alone."""


@app.command("preview")
def preview(
    what: Annotated[str, typer.Argument(help="A file, or a document of the collection by its id.", show_default=False)],
    collection: Annotated[
        str, typer.Option("--collection", "-c", help="Collection, by name or id.", show_default=False)
    ],
    chunking: options.Chunking = None,
    preset: options.Preset = "",
    max_tokens: options.MaxTokens = None,
    overlap_tokens: options.OverlapTokens = None,
    min_tokens: options.MinTokens = None,
    strategy: options.Strategy = None,
    languages: options.Languages = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Most chunks.")] = 20,
    as_json: AsJson = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Show how a file or a document would be cut. Nothing is kept; options go over the collection's own. A document is
    not read again, so how it is read can be said of files alone."""
    cut = options.chunking_of(chunking, preset, max_tokens, overlap_tokens, min_tokens)
    read = options.reading_of(strategy, languages)
    path = Path(what)
    from_file = path.is_file()
    if read and not from_file:
        raise typer.BadParameter(f"{what} is no file here, and a document is not read again", param_hint="options")

    async def work(client: "AsyncLorekeep") -> ChunkPreview:
        if from_file:
            return await client.previews.file(collection, path, chunking=cut, reading=read, limit=limit)
        return await client.previews.document(collection, what, chunking=cut, limit=limit)

    answer = run(url, key, work)
    if as_json:
        print_json(answer)
    else:
        _show(console(), what, answer)


def _show(out: Console, what: str, answer: ChunkPreview) -> None:
    for each in answer["chunks"]:
        out.print(_head(each))
        if context := each.get("context"):
            out.print(Padding(Text(safe(context), style="dim italic"), (0, 4), expand=False))
        out.print(Padding(Text(safe(each["text"].strip())), (0, 4, 1, 4), expand=False))
    out.print(_summary(what, answer))
    for warning in answer["warnings"]:
        out.print(Text(safe(str(warning)), style="yellow"))


def _head(passage: Passage) -> Text:
    """Number, page, headings and length of a chunk."""
    head = Text(f"{passage.get('ordinal', 0) + 1}.", style="bold cyan")
    head.append(f"  {passage.get('token_count', 0)} tokens", style="not bold default")
    page, last = passage.get("page"), passage.get("page_end")
    if page:
        head.append(f"  page {page}" + (f"-{last}" if last and last != page else ""), style="not bold green")
    if passage.get("kind", "text") != "text":
        head.append(f"  {safe(passage['kind'])}", style="not bold magenta")
    if headings := passage.get("heading_path"):
        head.append(f"  {safe(' › '.join(' '.join(each.split()) for each in headings))}", style="not bold dim")
    if parent := passage.get("parent"):
        head.append(f"  in a part of {len(parent['text'])} characters", style="not bold dim")
    return head


def _summary(what: str, answer: ChunkPreview) -> Text:
    """How many there are, and by which options."""
    count, cut = answer["chunk_count"], answer["options"]["chunking"]
    all_or_first = "" if answer["complete"] else "The first "
    sizes = f"at most {cut['max_tokens']} tokens, overlap {cut['overlap_tokens']}, joined below {cut['min_tokens']}"
    told = f"{all_or_first}{count} chunk{'' if count == 1 else 's'} of {safe(what)}: {cut['strategy']}, {sizes}"
    return Text(f"{told}, counted by {safe(answer['options']['model'])}.", style="dim")
