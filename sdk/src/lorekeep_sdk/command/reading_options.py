"""Options by which verbs say how documents are read and cut."""

from typing import Annotated, Any, cast

import typer

from lorekeep_sdk.reading_answers import Chunking as Asked
from lorekeep_sdk.reading_answers import ChunkStrategy, Reading, ReadStrategy

_CUT = "How documents are cut"
_READ = "How documents are read"

Chunking = Annotated[
    ChunkStrategy | None,
    typer.Option(
        help="What decides where a chunk ends; `by_title` in a new collection.",
        show_default=False,
        rich_help_panel=_CUT,
    ),
]
Preset = Annotated[
    str, typer.Option(help="`quality` for chunks of 1,024 tokens.", show_default=False, rich_help_panel=_CUT)
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        min=16,
        max=2048,
        help="Longest chunk, in tokens of the model; 512 in a new collection, or what the model takes.",
        show_default=False,
        rich_help_panel=_CUT,
    ),
]
OverlapTokens = Annotated[
    int | None,
    typer.Option(
        min=0, help="Tokens repeated of the chunk before; 50 in a new one.", show_default=False, rich_help_panel=_CUT
    ),
]
MinTokens = Annotated[
    int | None,
    typer.Option(
        min=1, help="Shorter chunks join their neighbours; 128 in a new one.", show_default=False, rich_help_panel=_CUT
    ),
]
Strategy = Annotated[
    ReadStrategy | None,
    typer.Option(
        "--strategy",
        help="`auto` recognises characters where a page has no text, `fast` never, `ocr_only` on every page of a PDF; "
        "`hi_res` is a layout model.",
        show_default=False,
        rich_help_panel=_READ,
    ),
]
Languages = Annotated[
    str,
    typer.Option(
        help="Languages to recognise characters in, such as de,en; en in a new collection.",
        show_default=False,
        rich_help_panel=_READ,
    ),
]
Attachments = Annotated[
    bool | None,
    typer.Option(
        "--attachments/--no-attachments",
        help="Make documents of mail attachments and archive members; on in a new collection.",
        show_default=False,
        rich_help_panel=_READ,
    ),
]


def chunking_of(
    strategy: ChunkStrategy | None, preset: str, max_tokens: int | None, overlap: int | None, least: int | None
) -> Asked | None:
    """What is asked for of chunking; None for nothing."""
    sizes = {"max_tokens": max_tokens, "overlap_tokens": overlap, "min_tokens": least}
    return cast(Asked, _said(strategy=strategy, preset=preset or None, **sizes)) or None


def reading_of(strategy: ReadStrategy | None, languages: str, attachments: bool | None = None) -> Reading | None:
    """What is asked for of reading; None for nothing."""
    named = [each.strip() for each in languages.split(",")] if languages else None
    return cast(Reading, _said(strategy=strategy, languages=named, attachments=attachments)) or None


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
