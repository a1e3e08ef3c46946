"""Jobs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from lorekeep_gateway.http.schemas.documents import Trouble, trouble
from lorekeep_gateway.http.schemas.shape import Shape


class Job(Shape):
    """One run of ingest for one version of a document."""

    id: str = Field(examples=["job_01jd3v9k2m"])
    status: str = Field(description="queued, running, succeeded, failed or cancelled.", examples=["running"])
    stage: str | None = Field(description="fetch, parse, chunk, embed, index or flip; null before the first.")
    attempt: int
    dead: bool = Field(description="Whether its attempts are used up.")
    progress: dict[str, Any]
    warnings: list[Any]
    error: Trouble | None
    collection_id: str
    document_id: str
    version: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def of_row(row: Mapping[str, Any]) -> Job:
    """A job as it is shown."""
    special = {"error", "document_id", "version"}
    return Job(
        error=trouble(row["error"]),
        document_id=row["public_id"],
        version=row["number"],
        **{name: row[name] for name in Job.model_fields if name not in special},
    )
