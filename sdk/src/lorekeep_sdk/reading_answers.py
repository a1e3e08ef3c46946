"""The shapes of what is asked for, and answered, about how documents are read and cut."""

from typing import Any, Literal, NotRequired, TypedDict

ChunkStrategy = Literal["by_title", "recursive", "fixed", "markdown", "semantic", "hierarchical"]
ReadStrategy = Literal["auto", "fast", "ocr_only", "hi_res"]


class Chunking(TypedDict, total=False):
    """How chunks are cut. Sizes are tokens of the collection's model; `preset` is only asked for, never answered."""

    strategy: ChunkStrategy | None
    preset: Literal["quality"] | None
    max_tokens: int | None
    overlap_tokens: int | None
    min_tokens: int | None


class Reading(TypedDict, total=False):
    """How documents are read: `languages` are those to recognise characters in, the likeliest first."""

    strategy: ReadStrategy | None
    languages: list[str] | None
    attachments: bool | None


class Properties(TypedDict, total=False):
    """What a document says of itself."""

    title: str | None
    authors: list[str]
    created_at: str | None
    modified_at: str | None
    subject: str | None
    keywords: list[str]


class Box(TypedDict):
    """A rectangle on a page, in fractions of its width and height from the top left."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


class Parent(TypedDict):
    """The larger part of a document that a passage stands in."""

    text: str
    start: int


class Passage(TypedDict):
    """A passage as it is cut; `start` and `end` are character offsets into the document's canonical text."""

    text: str
    ordinal: NotRequired[int]
    context: NotRequired[str | None]
    page: NotRequired[int | None]
    page_end: NotRequired[int | None]
    heading_path: NotRequired[list[str]]
    start: NotRequired[int]
    end: NotRequired[int]
    kind: NotRequired[str]
    token_count: NotRequired[int]
    boxes: NotRequired[list[Box]]
    parent: NotRequired[Parent | None]


class Page(TypedDict):
    """What became of a page: `read`, `ocr`, `empty`, `garbled` or `skipped`."""

    page: int
    outcome: str
    characters: int


class Options(TypedDict):
    """What held for a preview; `reading` is null for a document that was read before."""

    model: str
    chunking: Chunking
    reading: Reading | None


class ChunkPreview(TypedDict):
    """The first passages of a document as they would be cut; `complete` where these are all."""

    chunks: list[Passage]
    chunk_count: int
    complete: bool
    verdict: dict[str, Any] | None
    warnings: list[Any]
    properties: Properties | None
    options: Options
