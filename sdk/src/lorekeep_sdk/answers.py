"""The shapes of the service's answers: plain dictionaries as they came, typed.

A service newer than this client may send more fields; they stay in the dictionary.
"""

from typing import Any, Literal, NotRequired, TypedDict

JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
DocumentStatus = Literal["draft", "pending", "processing", "ready", "failed", "deleting"]
SearchMode = Literal["hybrid", "dense", "lexical"]

FINISHED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class Reason(TypedDict):
    """Why something failed: a stable lower-case word, and a sentence."""

    reason: str
    message: str


class Collection(TypedDict):
    """A knowledge base. `metadata_schema` maps the fields that filters may name to their types."""

    id: str
    name: str
    metadata_schema: NotRequired[dict[str, str]]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]


class Document(TypedDict):
    """A document. `id` is the caller's own where one was given; `verdict` says how well it could be read."""

    id: str
    status: DocumentStatus
    name: NotRequired[str]
    version: NotRequired[int | None]
    verdict: NotRequired[dict[str, Any] | None]
    metadata: NotRequired[dict[str, Any]]
    warnings: NotRequired[list[Any]]
    error: NotRequired[Reason | None]


class Progress(TypedDict, total=False):
    """How far a job is. `pages_total` is absent or null until it is known."""

    pages_done: int | None
    pages_total: int | None
    chunks_indexed: int | None


class Job(TypedDict):
    """One run of ingest for one version of a document."""

    id: str
    status: JobStatus
    stage: NotRequired[str | None]
    attempt: NotRequired[int]
    dead: NotRequired[bool]
    progress: NotRequired[Progress | None]
    warnings: NotRequired[list[Any]]
    error: NotRequired[Reason | None]


class Accepted(TypedDict):
    """A document that is stored durably and the job that will index it; no job where nothing had changed."""

    document: Document
    job: NotRequired[Job | None]


class BatchResult(TypedDict, total=False):
    """One entry of a batch, in the order given: `document` and `job`, or `error`."""

    document: Document
    job: Job | None
    error: Reason


class Batch(TypedDict):
    """The answer to a batch."""

    results: list[BatchResult]


class Chunk(TypedDict):
    """A passage of a document; `start` and `end` are character offsets into its canonical text."""

    id: str
    text: str
    page: NotRequired[int | None]
    heading_path: NotRequired[list[str]]
    start: NotRequired[int]
    end: NotRequired[int]
    kind: NotRequired[str]


class Hit(TypedDict):
    """A chunk that was found. `score` is the fused score of the mode, `scores` those of its legs."""

    document_id: str
    chunk_id: str
    score: float
    text: str
    scores: NotRequired[dict[str, float | None]]
    page: NotRequired[int | None]
    heading_path: NotRequired[list[str]]
    metadata: NotRequired[dict[str, Any]]
    document_name: NotRequired[str]
    collection: NotRequired[str]


class SearchAnswer(TypedDict):
    """Hits, best first. `next_cursor` is absent or null at the end."""

    hits: list[Hit]
    next_cursor: NotRequired[str | None]
    trace_id: NotRequired[str]


class Component(TypedDict, total=False):
    """The state of one dependency: `ok`, `degraded` or `failed`."""

    status: str
    detail: str


class Health(TypedDict, total=False):
    """Whether the service can do its work, with the state of each component."""

    status: str
    degraded: bool
    components: dict[str, Component]


class NewText(TypedDict):
    """One text of a batch."""

    text: str
    title: NotRequired[str]
    document_id: NotRequired[str]
    metadata: NotRequired[dict[str, Any]]
