"""Comparisons of records and index."""

from pydantic import Field

from lorekeep_gateway.http.schemas.shape import Shape


class Reconciled(Shape):
    """What a comparison found and did."""

    documents_checked: int = Field(description="Documents with a visible version.")
    versions_missing_chunks: int = Field(description="Visible versions of which chunks were missing in the index.")
    jobs_queued: int = Field(description="Rebuilds queued for them.")
    orphan_versions_removed: int = Field(description="Versions whose chunks had no business in the index any more.")
    chunks_removed: int
