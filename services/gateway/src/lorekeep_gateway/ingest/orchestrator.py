"""One job from claim to end, in the order in which it happens.

A source of chunks (the parser over the original's bytes, or over the artefact), then embed and index beside it; flip
comes when all of it is done. The other services are functions of what they are given; what must survive a crash is
written by the steps here and in `pipeline`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.chunking import Defaults
from lorekeep_gateway.ingest import indexing, measures, rebuilding
from lorekeep_gateway.ingest.artefacts import Artefact
from lorekeep_gateway.ingest.attachments import Attachments
from lorekeep_gateway.ingest.checkpoints import Checkpoint, Kept
from lorekeep_gateway.ingest.claimed import Claimed
from lorekeep_gateway.ingest.elsewhere import MaybeElsewhere
from lorekeep_gateway.ingest.embedding import Embedding
from lorekeep_gateway.ingest.flips import Flips
from lorekeep_gateway.ingest.generations import chunk_options, live_generation
from lorekeep_gateway.ingest.index import Index, space_of
from lorekeep_gateway.ingest.kept_chunks import KeptChunks
from lorekeep_gateway.ingest.leases import Lease, LeaseLost
from lorekeep_gateway.ingest.parsing import Parsing
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.pipeline import HandedBack, Pipeline
from lorekeep_gateway.ingest.rechunking import Rechunking
from lorekeep_gateway.ingest.remote import RemoteParser
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.ingest.sources import ReadAnew, Whole
from lorekeep_gateway.ingest.stages import Stages
from lorekeep_gateway.ingest.verdicts import outcome_of, verdict_of, warnings_of
from lorekeep_gateway.metadata import fields
from lorekeep_gateway.reading import Reading
from lorekeep_gateway.store.database import Database

__all__ = ["HandedBack", "Orchestrator"]


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
        remote: RemoteParser | None = None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._callees = callees
        self._settings = settings
        self._flips = flips
        self._draining = draining
        self._remote = remote
        self._embedding = Embedding(callees.embedder, settings)
        self._index = Index(callees.search, settings)
        self._showing = rebuilding.Showing(self._index, flips)

    async def perform(self, job: Mapping[str, Any], lease: Lease, stages: Stages) -> None:
        """Brings a job to success. Raises what stands in the way, HandedBack when the process ends first."""
        if job["kind"] == "rebuild":
            await self._rebuild(job, lease, stages)
            return
        preview = Kept.of_job(job).preview
        if not Checkpoint.of_job(job).complete:
            preview = await self._ingest(job, lease, stages)
        with stages.stage("flip"):
            lease.enter("flip")
            await self._flips.flip(job, lease, preview)

    async def _ingest(self, job: Mapping[str, Any], lease: Lease, stages: Stages) -> str:
        """Brings a version into the index, unseen; gives the beginning of its text."""
        claimed = await self._claimed(job, lease, stages)
        if Kept.of_job(job).anew:
            claimed = await self._anew(claimed)
        writing = self._writing(claimed)
        try:
            whole = await self._indexed(claimed, writing)
        except ReadAnew:
            claimed = await self._anew(claimed)
            writing = self._writing(claimed)
            whole = await self._indexed(claimed, writing)
        await patiently(lambda: self._complete(claimed, whole, writing.warnings), self._settings.retry_seconds)
        return whole.kept.preview

    async def _indexed(self, claimed: Claimed, writing: indexing.Writing) -> Whole:
        begin = Checkpoint.of_job(claimed.job)
        pipeline = Pipeline(claimed, self._embedding, writing, self._settings, self._draining)
        if claimed.job["kind"] == "restore":
            return await pipeline.run(self._rechunking(claimed, begin), "chunk")
        return await pipeline.run(self._parsing(claimed, begin), "parse")

    async def _anew(self, claimed: Claimed) -> Claimed:
        """The same as if nothing of it had been read before: the index holds nothing of it any more."""

        async def forgotten() -> None:
            async with claimed.database.session() as session:
                await claimed.lease.write(session, "forget_reading", parsed={"anew": True})
            claimed.lease.require()
            await self._index.remove(rebuilding.scope_of(claimed))

        await patiently(forgotten, self._settings.retry_seconds)
        return replace(claimed, job={**claimed.job, "checkpoint": {}, "parsed": {}, "parse_state": None})

    async def _rebuild(self, job: Mapping[str, Any], lease: Lease, stages: Stages) -> None:
        """Puts back what the index lacks of a visible version. What was moved by an earlier run is listed by now."""
        claimed = await self._claimed(job, lease, stages)
        warnings: list[str] = []
        if claimed.work["visible"]:
            writing = self._writing(claimed)
            missing = rebuilding.Missing(await rebuilding.listed(self._index, claimed), writing)
            source = rebuilding.FromArtefactOrBytes(
                self._kept_chunks(claimed),
                self._parsing(claimed, Checkpoint()),
                read_again=bool(Kept.of_job(job).state),
            )
            pipeline = Pipeline(claimed, self._embedding, writing, self._settings, self._draining, missing.wanted)
            whole = await pipeline.run(source, "chunk")
            missing.check()
            if source.read_again:
                await patiently(lambda: self._described(claimed, whole), self._settings.retry_seconds)
            warnings = writing.warnings
        with stages.stage("flip"):
            lease.enter("flip")
            await self._showing.end(claimed, warnings)

    async def _claimed(self, job: Mapping[str, Any], lease: Lease, stages: Stages) -> Claimed:
        work = await self._begun(job, lease)
        defaults, model = Defaults.of_settings(self._settings), self._settings.embedding_model
        generation = await live_generation(self._database, self._embedding, model, defaults, job)
        await self._index.prepare(space_of(generation), fields(work["metadata_schema"]))
        return Claimed(self._database, job, lease, stages, work, generation, self._settings.retry_seconds)

    async def _begun(self, job: Mapping[str, Any], lease: Lease) -> Mapping[str, Any]:
        owner = {"version_id": job["version_id"], "organisation_id": job["organisation_id"]}
        async with lease.transaction() as session:
            if job["kind"] != "rebuild":
                await session("begin_version", **owner)
                await session("mark_version_indexed", **owner)
            work: Mapping[str, Any] | None = await session("work_of_job", **owner)
        if work is None:
            raise LeaseLost("The job's version is gone.")
        return work

    def _writing(self, claimed: Claimed) -> indexing.Writing:
        return indexing.Writing(
            self._index,
            claimed.lease,
            claimed.generation,
            claimed.job,
            claimed.work,
            self._settings.upsert_batch_chunks,
        )

    def _parsing(self, claimed: Claimed, begin: Checkpoint) -> Parsing:
        work = claimed.work
        start = Reading.of_asked(work["collection_reading"], work["reading"]).start(
            name=work["name"],
            declared_media_type=work["media_type"],
            size_bytes=work["size_bytes"],
            chunk_options=chunk_options(claimed.generation),
            batch_pages=self._settings.batch_pages,
        )
        artefact = MaybeElsewhere.of(self._blobs, claimed.lease, work, self._remote)
        kept = Kept.of_job(claimed.job)
        return Parsing(
            self._callees,
            artefact,
            self._embedding.supplies(claimed.generation),
            self._settings,
            claimed.stages,
            start,
            kept,
            begin,
            claimed.keep,
            Attachments(self._blobs, claimed) if claimed.job["kind"] == "ingest" else None,
        )

    def _kept_chunks(self, claimed: Claimed) -> KeptChunks:
        return KeptChunks(
            Artefact.of_work(self._blobs, claimed.lease, claimed.work),
            _kept_of(claimed.work),
            claimed.work["chunk_count"] or 0,
            claimed.keep,
            self._settings.retry_seconds,
            self._rechunking(claimed, Checkpoint()),
        )

    def _rechunking(self, claimed: Claimed, begin: Checkpoint) -> Rechunking:
        return Rechunking(
            self._callees,
            Artefact.of_work(self._blobs, claimed.lease, claimed.work),
            self._embedding.supplies(claimed.generation),
            self._settings,
            claimed.stages,
            chunk_options(claimed.generation),
            _kept_of(claimed.work),
            begin,
            claimed.keep,
        )

    async def _complete(self, claimed: Claimed, whole: Whole, warned: list[str]) -> None:
        """The verdict, and the checkpoint behind which only the flip is left."""
        if claimed.job["kind"] == "restore":
            verdict, warnings = claimed.work["verdict"], indexing.beside_misfits(claimed.work["warnings"])
        else:
            told = whole.kept.told()
            verdict, warnings = verdict_of(told), warnings_of(told)
        async with claimed.lease.transaction() as session:
            await session(
                "describe_version",
                verdict=verdict,
                warnings=[*warnings, *warned],
                chunk_count=whole.chunks,
                segment_count=whole.kept.segments,
                properties=whole.kept.properties,
                **claimed.owner,
            )
            await claimed.lease.move(
                session, Checkpoint(whole.chunks, whole.kept.segments, complete=True), [*warnings, *warned]
            )
        if claimed.job["kind"] == "ingest":
            measures.VERDICTS.labels(outcome_of(warnings)).inc()

    async def _described(self, claimed: Claimed, whole: Whole) -> None:
        """An artefact that was made anew may have other segments, for every version that shares it."""
        async with claimed.lease.transaction() as session:
            await session(
                "artefact_counted",
                organisation_id=claimed.work["organisation_id"],
                artefact_id=claimed.work["artefact_id"],
                segment_count=whole.kept.segments,
            )


def _kept_of(work: Mapping[str, Any]) -> Kept:
    """What there is of a version's artefact."""
    pages = (work["verdict"] or {}).get("pages_read", 0)
    return Kept(segments=work["segment_count"] or 0, pages_done=pages, pages_total=pages)
