"""How documents are read and cut: what is asked for, and what holds."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lorekeep_gateway.chunking import LEAST_TOKENS, MOST_TOKENS
from lorekeep_gateway.http.schemas.shape import Request, Shape
from lorekeep_gateway.reading import LANGUAGE, MOST_LANGUAGES

ChunkStrategy = Literal["by_title", "recursive", "fixed", "markdown", "semantic", "hierarchical"]
ReadStrategy = Literal["auto", "fast", "ocr_only", "hi_res"]
Language = Annotated[str, Field(pattern=f"^{LANGUAGE}$", max_length=32)]
Languages = Annotated[
    list[Language],
    Field(
        min_length=1,
        max_length=MOST_LANGUAGES,
        description="To recognise characters in, likeliest first: ISO 639-1 codes, or names as tesseract has them.",
        examples=[["de", "en"]],
    ),
]
_STRATEGY_TOLD = (
    "What decides where a chunk ends: `by_title` the document's structure, `recursive` the largest break that fits, "
    "`fixed` the size alone, `markdown` headings of Markdown, `semantic` where the meaning changes, `hierarchical` "
    "small pieces, each with the larger part that it stands in."
)
_READ_TOLD = (
    "`auto` the document's own text, and character recognition for pages without any; `fast` its own text alone; "
    "`ocr_only` character recognition for every page of a PDF; `hi_res` a layout model, where its weights are there."
)


class ChunkingAsked(Request):
    """How chunks are to be cut; null, or left out, follows the installation and the model."""

    strategy: ChunkStrategy | None = Field(None, description=_STRATEGY_TOLD)
    preset: Literal["quality"] | None = Field(None, description="`quality`: 1,024 tokens; `max_tokens` goes over it.")
    max_tokens: int | None = Field(
        None,
        ge=LEAST_TOKENS,
        le=MOST_TOKENS,
        strict=True,
        description="Longest chunk, in tokens of the collection's model; at most its window.",
    )
    overlap_tokens: int | None = Field(
        None, ge=0, lt=MOST_TOKENS // 2, strict=True, description="Repeated of the chunk before; less than half of it."
    )
    min_tokens: int | None = Field(
        None, ge=1, le=MOST_TOKENS, strict=True, description="Shorter chunks are joined with their neighbours."
    )

    @property
    def asked(self) -> dict[str, Any]:
        """What was said, null where it is to be taken back."""
        return self.model_dump(exclude_unset=True)


class ReadingAsked(Request):
    """How documents are to be read; null, or left out, is the default."""

    strategy: ReadStrategy | None = Field(None, description=_READ_TOLD)
    languages: Languages | None = None
    attachments: bool | None = Field(
        None, strict=True, description="Make documents of what is inside of others: mail attachments, archive members."
    )

    @property
    def asked(self) -> dict[str, Any]:
        """What was said, null where it is to be taken back."""
        return self.model_dump(exclude_unset=True)


class Chunking(Shape):
    """How chunks are cut. Fixed once the collection has an index."""

    strategy: str = Field(examples=["by_title"])
    max_tokens: int | None = Field(
        description="Longest chunk; null while nothing was asked for and the model's window is not known.",
        examples=[512],
    )
    overlap_tokens: int | None = Field(examples=[50])
    min_tokens: int | None = Field(examples=[128])


class Reading(Shape):
    """How documents are read from now on."""

    strategy: str = Field(examples=["auto"])
    languages: list[str] = Field(examples=[["en"]])
    attachments: bool
