"""Uploads in parts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from lorekeep_gateway.http.schemas.reading import Languages, ReadStrategy
from lorekeep_gateway.http.schemas.shape import Request, Shape, Text
from lorekeep_gateway.http.schemas.sources import DocumentId, Metadata
from lorekeep_gateway.staged_uploads import parts_total


class NewStagedUpload(Request):
    """A file that is to be sent in parts."""

    name: Text = Field(min_length=1, max_length=1024, description="The file's name.", examples=["handbook.pdf"])
    size_bytes: int = Field(ge=1, le=2**62, description="The size of the whole, at most that of any file.")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-fA-F]{64}$", description="What the whole must have, as 64 hex digits."
    )
    metadata: Metadata | None = None
    document_id: DocumentId | None = None
    strategy: ReadStrategy | None = Field(None, description="How to read it; over its collection's.")
    languages: Languages | None = None

    @property
    def reading(self) -> dict[str, Any]:
        """What is asked for this one document."""
        return self.model_dump(include={"strategy", "languages"}, exclude_none=True)


class StagedUpload(Shape):
    """An upload that is open."""

    id: str = Field(examples=["upl_01jd3v9k2m"])
    name: str
    size_bytes: int
    part_bytes: int = Field(description="Size of each part but the last, which has the rest.", examples=[8388608])
    parts_total: int
    parts_received: list[int] = Field(description="Numbers of the parts that are kept, from 1, in order.")
    expires_at: datetime = Field(description="From then on it cannot be completed any more.")


class StagedUploadAnswer(Shape):
    """An upload with what was received of it."""

    upload: StagedUpload


class Ended(Shape):
    """An upload that was given up."""

    id: str
    status: str = Field(examples=["deleted"])


def answer_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """An upload as it is shown, in JSON's own types."""
    direct = {name: row[name] for name in StagedUpload.model_fields if name != "parts_total"}
    shown = StagedUpload(parts_total=parts_total(row), **direct)
    return StagedUploadAnswer(upload=shown).model_dump(mode="json")
