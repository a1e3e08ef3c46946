"""A rebuild: what is missing of a visible version in the index is put there again, and nothing that stands is touched.

Chunks have the same ids as before, so what the index lists is passed over. What was missing is written invisible, and
shown since the epoch at which the version appeared: any later one would hide what stands from whoever reads at an
earlier epoch now.
"""

import asyncio
from typing import Any

from lorekeep.document.v1.document_pb2 import Chunk
from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors, logs
from lorekeep_gateway.ingest.checkpoints import Checkpoint
from lorekeep_gateway.ingest.claimed import Claimed
from lorekeep_gateway.ingest.flips import Flip, Flips
from lorekeep_gateway.ingest.index import Index, space_of
from lorekeep_gateway.ingest.indexing import Writing
from lorekeep_gateway.ingest.kept_chunks import KeptChunks
from lorekeep_gateway.ingest.leases import Withdrawn
from lorekeep_gateway.ingest.parsing import Parsing
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.ingest.sources import Put
from lorekeep_gateway.store.database import Session

_LOG = logs.logger(__name__)
_LOOK_SECONDS = 0.05
NOT_VISIBLE = "not_visible: another version is shown by now, so there was nothing to rebuild"


class Missing:
    """Which chunks the index lacks of a version, and how many it has that are not of it."""

    def __init__(self, listed: set[str], writing: Writing) -> None:
        self._listed = listed
        self._writing = writing

    def wanted(self, chunk: Chunk) -> bool:
        """Whether the chunk is to be written; asked once for each."""
        name = self._writing.name_of(chunk)
        if name in self._listed:
            self._listed.remove(name)
            return False
        return True

    def check(self) -> None:
        """InvalidInput where the index holds chunks that nobody asked for: the version is cut in another way than it
        was, and whoever showed what was written now would show its text twice."""
        if self._listed:
            raise errors.InvalidInput(
                f"The document is cut otherwise now: {len(self._listed)} chunks in the index are not of it; they are "
                "shown as before. Delete the document and upload it again.",
                reason="chunks_differ",
            )


class FromArtefactOrBytes:
    """Takes the artefact; where that is dead, reads the original bytes, which makes it anew. `read_again` says which,
    and is so from the beginning where an earlier run came to the bytes."""

    def __init__(self, artefact: KeptChunks, parsing: Parsing, *, read_again: bool) -> None:
        self._artefact = artefact
        self._parsing = parsing
        self.read_again = read_again

    async def run(self, put: Put) -> None:
        """Gives every chunk once."""
        if not self.read_again:
            try:
                await self._artefact.run(put)
            except errors.NotFound as error:
                if error.reason != "artefact_missing":
                    raise
                _LOG.warning("an artefact is made anew", extra={"lorekeep": {"reason": error.reason}})
                self.read_again = True
        if self.read_again:
            self._parsing.pass_over(self._artefact.next_chunk)
            await self._parsing.run(put)


async def listed(index: Index, claimed: Claimed) -> set[str]:
    """Ids of the version's chunks in the index, visible or not."""
    return {each async for each in index.chunk_ids(scope_of(claimed))}


def scope_of(claimed: Claimed) -> search_pb2.Scope:
    """Where a job's chunks lie in the index."""
    job = claimed.job
    return search_pb2.Scope(
        space=space_of(claimed.generation),
        collection_id=job["collection_id"],
        document_id=job["document_id"],
        version_id=job["version_id"],
    )


class Showing:
    """The end of a rebuild."""

    def __init__(self, index: Index, flips: Flips) -> None:
        self._index = index
        self._flips = flips

    async def end(self, claimed: Claimed, warnings: list[str]) -> None:
        """Shows what was written and ends the job; where another version is shown by now it ends with a warning."""
        while (flip := await patiently(lambda: self._ended(claimed, warnings), claimed.retry_seconds)) is not None:
            if flip["overdue"]:
                await self._flips.finish(flip)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def _ended(self, claimed: Claimed, warnings: list[str]) -> Flip | None:
        """Under the collection's lock, so that no flip begins beside it. Gives the open flip, if there is one."""
        job, organisation = claimed.job, {"organisation_id": claimed.job["organisation_id"]}
        async with claimed.database.transaction() as session:
            collection = await session("lock_collection", collection_id=job["collection_id"], **organisation)
            if collection is None or collection["status"] == "deleting":
                raise Withdrawn("The collection was deleted meanwhile.", reason="deleted")
            flip = await self._flips.open(session, job["collection_id"])
            if flip is not None:
                return flip
            await claimed.lease.hold_wanted(session)
            visible = await session("version_visible", version_id=job["version_id"], **organisation)
            told = [*warnings, NOT_VISIBLE] if visible is None else warnings
            since = None if visible is None else visible["shown_epoch"] or collection["epoch"]
            await self._made_visible(session, claimed, since)
            await claimed.lease.move(session, Checkpoint(claimed.work["chunk_count"] or 0, complete=True), told)
            await session("succeed_job", job_id=job["id"], **organisation, **claimed.lease.times())
        return None

    async def _made_visible(self, session: Session, claimed: Claimed, since: int | None) -> None:
        if since is not None:
            await self._index.stamp_now(_stamp(claimed, since))
        else:
            # What was written meanwhile lies unseen in the index, so the version is swept, once more if need be.
            await session("mark_version_indexed", **claimed.owner)


def _stamp(claimed: Claimed, epoch: int) -> search_pb2.StampRequest:
    stamp = search_pb2.VersionStamp(version_id=claimed.job["version_id"], from_epoch=epoch, unseen_only=True)
    space: Any = space_of(claimed.generation)
    return search_pb2.StampRequest(space=space, collection_id=claimed.job["collection_id"], stamps=[stamp])
