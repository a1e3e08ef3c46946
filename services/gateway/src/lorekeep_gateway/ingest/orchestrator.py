"""One job from claim to end, in the order in which it happens.

fetch -> parse -> embed -> index run beside each other, joined by bounded pipes, so that whatever is slowest holds the
rest back and memory stays flat; flip comes when all of it is done. The other services are functions of what they are
given; what must survive a crash is written here.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from lorekeep.parser.v1.parser_pb2 import ParseStart
from lorekeep_chassis import logs
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ingest import indexing
from lorekeep_gateway.ingest.checkpoints import Checkpoint
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.flips import Flips
from lorekeep_gateway.ingest.generations import chunk_options, live_generation
from lorekeep_gateway.ingest.index import Index, space_of
from lorekeep_gateway.ingest.leases import Lease, LeaseLost
from lorekeep_gateway.ingest.parsing import Parsed, Parsing, Read
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.pipes import Pipe, together
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.stages import Stages
from lorekeep_gateway.ingest.verdicts import verdict_of
from lorekeep_gateway.metadata import fields
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)
_EMBEDDED_ROOM = 2


class HandedBack(Exception):
    """The process ends; the job stopped at a checkpoint for another worker to go on from."""


class Orchestrator:
    """Takes documents from bytes to visible chunks. `draining` stops each at its next checkpoint."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        callees: Callees,
        settings: IngestSettings,
        flips: Flips,
        draining: asyncio.Event,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._callees = callees
        self._settings = settings
        self._flips = flips
        self._draining = draining
        self._embedding = Embedding(callees.embedder, settings)
        self._index = Index(callees.search, settings)

    async def perform(self, job: Mapping[str, Any], lease: Lease, stages: Stages) -> None:
        """Brings a job to success. Raises what stands in the way, HandedBack when the process ends first."""
        checkpoint = Checkpoint.of_job(job)
        if not checkpoint.complete:
            checkpoint = await self._ingest(job, lease, stages)
        with stages.stage("flip"):
            await lease.enter("flip")
            await self._flips.flip(job, lease, checkpoint.preview)

    async def _ingest(self, job: Mapping[str, Any], lease: Lease, stages: Stages) -> Checkpoint:
        work = await self._begun(job, lease)
        generation = await live_generation(self._database, self._embedding, self._settings.embedding_model, job)
        await self._index.prepare(space_of(generation), fields(work["metadata_schema"]))
        start = ParseStart(
            name=work["name"],
            declared_media_type=work["media_type"],
            size_bytes=work["size_bytes"],
            chunk_options=chunk_options(generation),
            batch_pages=self._settings.batch_pages,
        )
        parsing = Parsing(
            self._callees, self._blobs, self._embedding, self._settings, stages, job, start, work["blob_sha256"]
        )
        writing = indexing.Writing(self._index, lease, generation, job, work, self._settings.upsert_batch_chunks)
        return await self._pipeline(parsing, writing, generation, lease, stages, job)

    async def _begun(self, job: Mapping[str, Any], lease: Lease) -> Mapping[str, Any]:
        async with lease.transaction() as session:
            await session("begin_version", version_id=job["version_id"], organisation_id=job["organisation_id"])
            await session("mark_version_indexed", version_id=job["version_id"], organisation_id=job["organisation_id"])
            work: Mapping[str, Any] | None = await session(
                "work_of_job", version_id=job["version_id"], organisation_id=job["organisation_id"]
            )
        if work is None:
            raise LeaseLost("The job's version is gone.")
        return work

    async def _pipeline(
        self,
        parsing: Parsing,
        writing: indexing.Writing,
        generation: Mapping[str, Any],
        lease: Lease,
        stages: Stages,
        job: Mapping[str, Any],
    ) -> Checkpoint:
        chunks: Pipe[Parsed] = Pipe(2 * self._settings.embed_batch_chunks)
        embedded: Pipe[indexing.Marked] = Pipe(_EMBEDDED_ROOM)
        ends: list[Checkpoint] = []

        async def parse() -> None:
            with stages.stage("parse"):
                await lease.enter("parse")
                await parsing.run(chunks.put)
                await chunks.close()

        async def embed() -> None:
            with stages.stage("embed"):
                await indexing.embed(
                    chunks,
                    embedded,
                    self._embedding,
                    generation,
                    self._settings.embed_batch_chunks,
                    lambda: lease.enter("embed"),
                )

        async def index() -> None:
            with stages.stage("index"):
                async for item in embedded:
                    end = await self._index_item(item, writing, lease, job)
                    ends.extend([end] if end else [])

        await together(parse(), embed(), index())
        return ends[0]

    async def _index_item(
        self, item: indexing.Marked, writing: indexing.Writing, lease: Lease, job: Mapping[str, Any]
    ) -> Checkpoint | None:
        """Writes chunks; behind a batch moves the checkpoint, behind the last one gives the complete one."""
        if isinstance(item, list):
            await lease.enter("index")
            await writing.add(item)
            return None
        await writing.flush()
        if isinstance(item, Read):
            await patiently(lambda: self._complete(item, writing, lease, job), self._settings.retry_seconds)
            return item.checkpoint
        await patiently(lambda: self._move(item, writing, lease), self._settings.retry_seconds)
        if self._draining.is_set():
            raise HandedBack
        return None

    async def _move(self, checkpoint: Checkpoint, writing: indexing.Writing, lease: Lease) -> None:
        async with self._database.session() as session:
            await lease.move(session, checkpoint, writing.warnings)

    async def _complete(self, read: Read, writing: indexing.Writing, lease: Lease, job: Mapping[str, Any]) -> None:
        """The verdict, and the checkpoint behind which only the flip is left."""
        warnings = [*read.verdict.warnings, *writing.warnings]
        async with lease.transaction() as session:
            await session(
                "describe_version",
                version_id=job["version_id"],
                organisation_id=job["organisation_id"],
                verdict=verdict_of(read.verdict),
                warnings=warnings,
                chunk_count=read.checkpoint.chunks,
                segment_count=read.checkpoint.segments,
            )
            await lease.move(session, read.checkpoint, warnings)
