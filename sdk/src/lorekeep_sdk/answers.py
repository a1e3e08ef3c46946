"""The shapes of the service's answers: plain dictionaries as they came, typed.

A service newer than this client may send more fields; they stay in the dictionary.
"""

from typing import Any, Literal, NotRequired, TypedDict

from lorekeep_sdk.reading_answers import Box, Chunking, Parent, Passage, Properties, Reading

JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
DocumentStatus = Literal["draft", "pending", "processing", "ready", "failed", "deleting"]
SearchMode = Literal["hybrid", "dense", "lexical"]

FINISHED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class Reason(TypedDict):
    """Why something failed: a stable lower-case word, and a sentence."""

    reason: str
    message: str


class Collection(TypedDict):
    """A knowledge base. `metadata_schema` maps the fields that filters may name to their types; `chunking` and
    `reading` say what holds."""

    id: str
    name: str
    metadata_schema: NotRequired[dict[str, str]]
    chunking: NotRequired[Chunking]
    reading: NotRequired[Reading]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]


class Document(TypedDict):
    """A document. `id` is the caller's own where one was given; `verdict` says how well it could be read; `parent` is
    the document that it was found inside of."""

    id: str
    status: DocumentStatus
    name: NotRequired[str]
    version: NotRequired[int | None]
    verdict: NotRequired[dict[str, Any] | None]
    properties: NotRequired[Properties | None]
    metadata: NotRequired[dict[str, Any]]
    warnings: NotRequired[list[Any]]
    error: NotRequired[Reason | None]
    kind: NotRequired[str]
    source: NotRequired[dict[str, Any] | None]
    parent: NotRequired[str | None]
    children_count: NotRequired[int]


class Version(TypedDict):
    """One state of a document. `restorable` says whether `restore` can make it the newest again."""

    number: int
    status: str
    visible: NotRequired[bool]
    restorable: NotRequired[bool]
    name: NotRequired[str]
    size_bytes: NotRequired[int | None]
    media_type: NotRequired[str | None]
    sha256: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any]]
    verdict: NotRequired[dict[str, Any] | None]
    warnings: NotRequired[list[Any]]
    chunk_count: NotRequired[int | None]
    restored_from: NotRequired[int | None]
    created_at: NotRequired[str]
    ready_at: NotRequired[str | None]


class Progress(TypedDict, total=False):
    """How far a job is. A total is absent, null or 0 until it is known."""

    pages_done: int | None
    pages_total: int | None
    chunks_done: int | None
    chunks_indexed: int | None
    chunks_total: int | None


class Estimate(TypedDict):
    """How long a job will probably take yet."""

    seconds_left: float


class Run(TypedDict, total=False):
    """One claim of a job by a worker."""

    number: int
    worker: str
    started_at: str
    ended_at: str | None
    outcome: str | None
    stage: str | None
    error: Reason | None


class Job(TypedDict):
    """One run of ingest for one version of a document. `revision` counts its visible changes; `estimate` is null where
    nothing honest can be said; `runs` come with one job only, not in lists."""

    id: str
    status: JobStatus
    kind: NotRequired[str]
    queue: NotRequired[str]
    lane: NotRequired[str]
    stage: NotRequired[str | None]
    attempt: NotRequired[int]
    dead: NotRequired[bool]
    progress: NotRequired[Progress | None]
    estimate: NotRequired[Estimate | None]
    stage_seconds: NotRequired[dict[str, float]]
    warnings: NotRequired[list[Any]]
    error: NotRequired[Reason | None]
    verdict: NotRequired[dict[str, Any] | None]
    worker: NotRequired[str | None]
    next_attempt_at: NotRequired[str | None]
    collection_id: NotRequired[str]
    document_id: NotRequired[str]
    version: NotRequired[int | None]
    cancel_requested: NotRequired[bool]
    created_at: NotRequired[str]
    started_at: NotRequired[str | None]
    finished_at: NotRequired[str | None]
    revision: NotRequired[int]
    runs: NotRequired[list[Run]]


class Queue(TypedDict):
    """One queue as the caller's organisation sees it; `oldest_seconds` is the age of the job that waits longest."""

    name: str
    queued: int
    running: int
    dead: int
    oldest_seconds: float | None


class Retried(TypedDict):
    """How many jobs were queued again, and how many more would be."""

    retried: int
    left: int


class Accepted(TypedDict):
    """A document that is stored durably and the job that will index it. `unchanged` is true where the service had just
    this already: the job is the latest one then, or null."""

    document: Document
    job: NotRequired[Job | None]
    unchanged: NotRequired[bool]


class PartedUpload(TypedDict):
    """An upload in parts, numbered from 1; `parts_received` may arrive in any order and be sent again."""

    id: str
    name: str
    size_bytes: int
    part_bytes: int
    parts_total: int
    parts_received: list[int]
    expires_at: NotRequired[str]


class Receipt(TypedDict):
    """What a deletion removed, per store. With the status `deleting` a part of it is finished in the background;
    nothing of it is found any more either way."""

    id: str
    status: Literal["deleted", "deleting"]
    removed: dict[str, int]


class Reconciled(TypedDict):
    """What a comparison of the database with the index found and set right."""

    documents_checked: int
    versions_missing_chunks: int
    jobs_queued: int
    orphan_versions_removed: int
    chunks_removed: int


class Webhook(TypedDict):
    """An address that is told of jobs. `secret` is given once, when it is made or rotated."""

    id: str
    url: str
    events: list[str]
    active: NotRequired[bool]
    collection_id: NotRequired[str | None]
    secret: NotRequired[str | None]
    created_at: NotRequired[str]


class Delivery(TypedDict):
    """One message to a webhook, with what became of it."""

    id: str
    event: NotRequired[str]
    status: NotRequired[str]
    attempt: NotRequired[int]
    next_at: NotRequired[str | None]
    response_status: NotRequired[int | None]
    error: NotRequired[str | None]
    created_at: NotRequired[str]
    ended_at: NotRequired[str | None]


class BatchResult(TypedDict, total=False):
    """One entry of a batch, in the order given: `document` and `job`, or `error`."""

    document: Document
    job: Job | None
    error: Reason


class Batch(TypedDict):
    """The answer to a batch."""

    results: list[BatchResult]


class Chunk(Passage):
    """A passage of a document in the index."""

    id: str


class Hit(TypedDict):
    """A chunk that was found. `score` is the fused score of the mode, `scores` those of its legs."""

    document_id: str
    chunk_id: str
    score: float
    text: str
    scores: NotRequired[dict[str, float | None]]
    page: NotRequired[int | None]
    heading_path: NotRequired[list[str]]
    boxes: NotRequired[list[Box]]
    parent: NotRequired[Parent | None]
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
