"""A job in this process's hands, with what it works on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lorekeep_gateway.ingest.checkpoints import Checkpoint, Kept
from lorekeep_gateway.ingest.leases import Lease
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.stages import Stages
from lorekeep_gateway.store.database import Database


@dataclass(frozen=True)
class Claimed:
    """One claim: the job's row, its version and its generation as they were found, and the lease that writes need."""

    database: Database
    job: Mapping[str, Any]
    lease: Lease
    stages: Stages
    work: Mapping[str, Any]
    generation: Mapping[str, Any]
    retry_seconds: float

    @property
    def owner(self) -> dict[str, str]:
        """The version, as queries name it."""
        return {"version_id": self.job["version_id"], "organisation_id": self.job["organisation_id"]}

    async def keep(self, kept: Kept) -> None:
        """Writes down how far the document was read."""
        async with self.database.session() as session:
            await self.lease.keep(session, kept)

    async def move(self, checkpoint: Checkpoint, warnings: list[str]) -> None:
        """Writes down what is in the index, waiting for Postgres."""

        async def moved() -> None:
            async with self.database.session() as session:
                await self.lease.move(session, checkpoint, warnings)

        await patiently(moved, self.retry_seconds)
