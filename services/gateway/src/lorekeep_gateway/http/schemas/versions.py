"""Versions of a document, and rebuilds of a collection's index."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from lorekeep_gateway.http.schemas.shape import Shape


class Version(Shape):
    """What was uploaded under a document's id at one time."""

    number: int = Field(description="From 1, counted up with each upload and each restore.")
    status: str = Field(description="pending, processing, ready, superseded or failed.", examples=["ready"])
    visible: bool = Field(description="Whether it is what searches find.")
    restorable: bool = Field(description="Whether POST .../versions/{number}/restore brings it back.")
    name: str
    size_bytes: int
    media_type: str
    sha256: str = Field(description="Of the original bytes.")
    metadata: dict[str, Any]
    verdict: dict[str, Any] | None = Field(description="How well it was read.")
    warnings: list[Any]
    chunk_count: int | None
    restored_from: int | None = Field(description="The number of the version that it is like; null for an upload.")
    created_at: datetime
    ready_at: datetime | None


class VersionList(Shape):
    """Versions, newest first."""

    versions: list[Version]


class Reindexing(Shape):
    """Rebuilds that were queued."""

    queued: int


def of_row(row: Mapping[str, Any]) -> Version:
    """A version as it is shown."""
    special = {"sha256"}
    return Version(
        sha256=row["blob_sha256"], **{name: row[name] for name in Version.model_fields if name not in special}
    )
