"""Settings of the ingest role."""

from pydantic import Field, SecretStr, field_validator

from lorekeep_gateway.outbound import urls
from lorekeep_gateway.settings import MEBIBYTE, StoreSettings


class IngestSettings(StoreSettings):
    """What the ingest role reads beside stores and callees."""

    job_concurrency: int = Field(4, ge=1, le=64, description="Documents that one process works on at once.")
    job_max_attempts: int = Field(3, ge=1, le=20, description="Failures and takeovers of a job before it is dead.")
    job_deadline_seconds: float = Field(3600, gt=0, description="Longest time from the first claim to a job's end.")
    stage_deadline_seconds: float = Field(330, gt=0, description="Longest wait for one answer of another service.")
    lease_seconds: float = Field(60, gt=0, description="Time after which a silent worker's job is taken over.")
    retry_seconds: float = Field(1, gt=0, description="First pause before a retry; doubles with each.")
    poll_seconds: float = Field(1, gt=0, description="Pause between looks at an empty queue.")
    batch_pages: int = Field(10, ge=1, le=100, description="Pages between two checkpoints.")
    embed_batch_chunks: int = Field(
        64, ge=1, le=512, description="Chunks embedded ahead of the index, in two requests; a kill repeats them."
    )
    upsert_batch_chunks: int = Field(100, ge=1, le=256, description="Chunks in a request to search.")
    janitor_seconds: float = Field(30, gt=0, description="Pause between two rounds of tidying.")
    job_retention_days: float = Field(30, gt=0, description="Days for which ended jobs can be looked at.")
    sweep_after_seconds: float = Field(300, ge=0, description="Time that a superseded version stays in the index.")
    scrub_bytes: int = Field(
        2 * 1024 * MEBIBYTE, ge=0, description="Bytes of originals checked against their hash a day."
    )
    unstructured_api_url: str = Field(
        "", description="Server of the unstructured API that reads documents in the parser's place; empty for none."
    )
    unstructured_api_key: SecretStr | None = Field(None, description="Key that this server expects.")

    @field_validator("unstructured_api_url")
    @classmethod
    def _reachable(cls, text: str) -> str:
        try:
            return text and str(urls.checked(text))
        except urls.InvalidUrl as error:
            raise ValueError(error.message) from None
