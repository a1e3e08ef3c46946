"""The switch of what a collection shows: the new version appears and the old one disappears at one epoch.

An intent is committed first, then epochs are stamped in the index, then one transaction moves the collection's epoch
and ends the intent. Nobody's search passes the new epoch before that, so a half-stamped version is never seen. Once
it is committed an intent is only ever finished, by whoever comes by: all that could speak against it was asked under
the lock that wrote it.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, logs
from lorekeep_gateway.bell import WORK, Bell
from lorekeep_gateway.ingest import children
from lorekeep_gateway.ingest.index import Index, space_of
from lorekeep_gateway.ingest.leases import Lease, Withdrawn
from lorekeep_gateway.ingest.patience import patiently
from lorekeep_gateway.store.database import Database, Session

_LOG = logs.logger(__name__)
_LOOK_SECONDS = 0.05

Flip = Mapping[str, Any]
Times = Callable[[], Mapping[str, Any]]
_NO_TIMES = {"lease_token": None, "stage_seconds": None}


class Flips:
    """Switches versions. An intent older than `patience_seconds` is taken to be left behind and finished here."""

    def __init__(
        self, database: Database, index: Index, patience_seconds: float, retry_seconds: float, bell: Bell
    ) -> None:
        self._database = database
        self._bell = bell
        self._index = index
        self._patience_seconds = patience_seconds
        self._retry_seconds = retry_seconds

    async def flip(self, job: Mapping[str, Any], lease: Lease, preview: str) -> None:
        """Makes the job's version the visible one and ends the job; Withdrawn where it must not be any more.

        Only for a job whose checkpoint is complete, so that none with an open intent ever writes chunks again: an
        upsert would hide what was stamped.
        """
        while True:
            flip = await patiently(lambda: self._intended(job, lease, preview), self._retry_seconds)
            if flip["job_id"] == job["id"]:
                return await self.finish(flip, lease.times)
            if flip["overdue"]:
                await self.finish(flip)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def finish(self, flip: Flip, times: Times = _NO_TIMES.copy) -> None:
        """Brings an intent to its end; nothing happens where another did so meanwhile."""
        with calls.calling_as(
            calls.CallContext(flip["organisation_id"], flip["collection_id"], flip["job_id"], calls.Lane.BULK)
        ):
            await self._stamp(flip)
            enqueued = await patiently(lambda: self._shown(flip, times()), self._retry_seconds)
        await self._bell.ring(flip["job_id"])
        if enqueued:
            await self._bell.ring(WORK)

    async def finish_overdue(self) -> None:
        """Finishes what was left behind, in all collections."""
        async with self._database.session() as session:
            overdue = await session("overdue_flips", patience_seconds=self._patience_seconds)
        for flip in overdue:
            _LOG.warning("finishing a flip that was left behind", extra={"lorekeep": {"job": flip["job_id"]}})
            await self.finish(flip)

    async def _intended(self, job: Mapping[str, Any], lease: Lease, preview: str) -> Flip:
        """The collection's open intent: the job's own, written now where there is none."""
        async with self._database.transaction() as session:
            collection = await _locked(session, job)
            if collection is None or collection["status"] == "deleting":
                raise Withdrawn("The collection was deleted while the document was read.", reason="deleted")
            found = await self.open(session, job["collection_id"])
            if found is not None:
                return found
            await lease.hold_wanted(session)
            previous = await _previous_version(session, job)
            version = {"document_id": job["document_id"], "version_id": job["version_id"], "preview": preview}
            await session(
                "intend_flip",
                collection_id=job["collection_id"],
                organisation_id=job["organisation_id"],
                epoch=collection["epoch"] + 1,
                versions=[{**version, "previous_version_id": previous}],
                job_id=job["id"],
            )
            return await self._written(session, job["collection_id"])

    async def _written(self, session: Session, collection_id: str) -> Flip:
        written = await self.open(session, collection_id)
        assert written is not None, "the intent was written in this very transaction"
        return written

    async def open(self, session: Session, collection_id: str) -> Flip | None:
        """The collection's open intent, if there is one."""
        found: Flip | None = await session(
            "open_flip", collection_id=collection_id, patience_seconds=self._patience_seconds
        )
        return found

    async def _stamp(self, flip: Flip) -> None:
        async with self._database.session() as session:
            generation = await session(
                "live_generation", collection_id=flip["collection_id"], organisation_id=flip["organisation_id"]
            )
        if generation is None or generation["id"] is None:
            return  # the collection was removed meanwhile
        stamps = []
        for each in flip["versions"]:
            stamps.append(search_pb2.VersionStamp(version_id=each["version_id"], from_epoch=flip["epoch"]))
            if each["previous_version_id"]:
                stamps.append(search_pb2.VersionStamp(version_id=each["previous_version_id"], to_epoch=flip["epoch"]))
        request = search_pb2.StampRequest(
            space=space_of(generation), collection_id=flip["collection_id"], stamps=stamps
        )
        await self._index.stamp(request)

    async def _shown(self, flip: Flip, times: Mapping[str, Any]) -> int:
        """Gives how many jobs came of it, for what is inside of the documents."""
        async with self._database.transaction() as session:
            await _locked(session, flip)
            current = await self.open(session, flip["collection_id"])
            if current is None or current["epoch"] != flip["epoch"]:
                return 0
            owner = {"organisation_id": flip["organisation_id"]}
            await session("flip_hold_job", job_id=flip["job_id"], **owner)
            await session("advance_epoch", collection_id=flip["collection_id"], epoch=flip["epoch"], **owner)
            for each in flip["versions"]:
                await _show(session, each, flip["epoch"], owner)
            await session("succeed_job", job_id=flip["job_id"], **owner, **times)
            await session("close_flip", collection_id=flip["collection_id"], epoch=flip["epoch"])
            enqueued = [await children.renew(session, each, flip["job_id"], **owner) for each in flip["versions"]]
        return sum(enqueued)


async def _locked(session: Session, owned: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = await session(
        "lock_collection", collection_id=owned["collection_id"], organisation_id=owned["organisation_id"]
    )
    return found


async def _previous_version(session: Session, job: Mapping[str, Any]) -> str | None:
    document = await session(
        "document_to_flip",
        document_id=job["document_id"],
        organisation_id=job["organisation_id"],
        version_id=job["version_id"],
    )
    if document is None or document["status"] == "deleting":
        raise Withdrawn("The document was deleted while it was read.", reason="deleted")
    if document["newer_visible"]:
        raise Withdrawn("A newer version of the document is visible already.", reason="superseded")
    previous: str | None = document["previous_version_id"]
    return None if previous == job["version_id"] else previous


async def _show(session: Session, version: Mapping[str, Any], epoch: int, owner: Mapping[str, str]) -> None:
    if version["previous_version_id"]:
        await session("hide_version", version_id=version["previous_version_id"], **owner)
    await session("show_version", version_id=version["version_id"], epoch=epoch, **owner)
    await session(
        "show_document",
        document_id=version["document_id"],
        version_id=version["version_id"],
        content_preview=version["preview"],
        **owner,
    )
    await session("prune_mark", document_id=version["document_id"], **owner)
