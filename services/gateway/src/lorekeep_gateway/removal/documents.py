"""Removal of documents and collections.

Marking hides. Then the index is cleared, and only then rows go, when no worker can have a lease on them any more: until
then one may still write to the index. Blobs go with the rows that named them. What was found inside of a document goes
with it, and is counted with it.
"""

from dataclasses import dataclass, replace
from typing import Any

from lorekeep_chassis import errors, logs
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.organisations import audit
from lorekeep_gateway.removal import families
from lorekeep_gateway.removal.index import remove_chunks
from lorekeep_gateway.removal.receipts import Receipt
from lorekeep_gateway.store.database import Database, Session

_LOG = logs.logger(__name__)
_DOCUMENTS_AT_ONCE = 100
# With more inside of it than this, a document is hidden at once and removed by the janitor: nobody waits for that.
_MOST_AWAITED = 100
SYSTEM = "system"
AWAY = (errors.Unavailable, errors.Overloaded, errors.DeadlineExceeded)


@dataclass(frozen=True)
class Removal:
    """Removes what belongs to one organisation; `actor` and `address` are who asks, for the audit log."""

    database: Database
    blobs: Blobs
    callees: Callees
    organisation_id: str
    actor: str = SYSTEM
    address: str = ""

    async def document(self, collection_id: str, public_id: str) -> Receipt:
        """Removes a document; NotFound where there is none."""
        named = {
            "organisation_id": self.organisation_id,
            "collection_id": collection_id,
            "public_id": public_id,
        }
        async with self.database.transaction() as session:
            await session("removal_hold_jobs", **named)
            marked = await session("removal_mark_document", **named)
            if marked is None:
                raise errors.NotFound("There is no such document in this collection.", reason="document_not_found")
            inside = await families.hide_below(session, self.organisation_id, [marked["id"]])
            await families.end(session, self.organisation_id, collection_id, [marked["id"], *inside])
            await self._audited(session, "document.deleted", public_id, {"collection": collection_id})
            # Also what was being deleted before: the index may still hold it, and its worker have a lease.
            family = await self._family(session, collection_id, marked["id"], None)
        if len(inside) > _MOST_AWAITED:
            return Receipt(finished=False)
        return await self._finished(collection_id, marked["id"], [each["id"] for each in family])

    async def collection(self, collection_id: str) -> Receipt:
        """Removes a collection with all of its documents; NotFound where there is none."""
        async with self.database.transaction() as session:
            held = await session("collection_lock", organisation_id=self.organisation_id, id=collection_id)
            if held is None:
                raise errors.NotFound("There is no such collection.", reason="collection_not_found")
            await session("removal_mark_collection", organisation_id=self.organisation_id, id=collection_id)
            mine = {"organisation_id": self.organisation_id, "collection_id": collection_id}
            await session("removal_cancel_jobs", document_ids=None, **mine)
            await session("tombstone_leave", document_id="", **mine)
            await self._audited(session, "collection.deleted", collection_id, {"name": held["name"]})
        return await self.finish(collection_id, None)

    async def finish(self, collection_id: str, document_id: str | None) -> Receipt:
        """Does what is left to do for what is marked; a part of the service that is away leaves it unfinished.

        `document_id` None stands for the whole collection. While a worker's lease is in force only the index is
        cleared: it may still be written to, so the rest waits for the sweep.
        """
        try:
            documents = await self._hidden(collection_id, document_id)
        except AWAY:
            return Receipt(finished=False)
        return await self._finished(collection_id, document_id, documents)

    async def _finished(self, collection_id: str, document_id: str | None, documents: list[str] | None) -> Receipt:
        """The same for `documents`, the one with all that is inside of it, or None for the whole collection."""
        try:
            leased = await self._leased(collection_id, documents)
            receipt = await self._clear_index(collection_id, document_id, documents)
            if leased:
                return replace(receipt, finished=False)
            return receipt + await self._clear_rows(collection_id, document_id)
        except AWAY as error:
            _LOG.warning("a removal waits for the janitor", extra={"lorekeep": {"reason": error.reason}})
            return Receipt(finished=False)

    async def forget_blob(self, sha256: str) -> bool:
        """Removes a blob that no version needs; whether it did."""
        mine = {"organisation_id": self.organisation_id, "sha256": sha256}
        async with self.database.transaction() as session:
            await session("blob_hold", **mine)
            if await session("blob_used", **mine):
                return False
            return await self.blobs.remove(self.organisation_id, sha256)

    async def _hidden(self, collection_id: str, document_id: str | None) -> list[str] | None:
        """A document with all that is inside of it, hidden wholly; None for a collection."""
        if document_id is None:
            return None
        async with self.database.transaction() as session:
            late = await families.hide_below(session, self.organisation_id, [document_id])
            if late:
                await families.end(session, self.organisation_id, collection_id, late)
            found = await self._family(session, collection_id, document_id, None)
        return [each["id"] for each in found]

    async def _leased(self, collection_id: str, document_ids: list[str] | None) -> bool:
        async with self.database.session() as session:
            return bool(
                await session(
                    "removal_leased",
                    organisation_id=self.organisation_id,
                    collection_id=collection_id,
                    document_ids=document_ids,
                )
            )

    async def _clear_index(self, collection_id: str, document_id: str | None, documents: list[str] | None) -> Receipt:
        mine = {"organisation_id": self.organisation_id, "collection_id": collection_id}
        async with self.database.session() as session:
            spaces = await session("collection_spaces", **mine)
        chunks = 0
        for each in [""] if documents is None else documents:
            chunks += await remove_chunks(self.callees, **mine, spaces=spaces, document_id=each)
        receipt = Receipt(chunks=chunks)
        if chunks:
            async with self.database.session() as session:
                await self._noted(session, collection_id, document_id, receipt)
        return receipt

    async def _clear_rows(self, collection_id: str, document_id: str | None) -> Receipt:
        """Documents in portions, then the collection itself."""
        receipt = Receipt()
        while documents := await self._portion(collection_id, document_id):
            for each in documents:
                receipt += await self._clear_document(collection_id, each["id"], each["public_id"], document_id)
        if document_id is None:
            await self._drop_collection(collection_id)
        return receipt

    async def _portion(self, collection_id: str, document_id: str | None) -> list[Any]:
        """What nothing is inside of any more comes first."""
        async with self.database.session() as session:
            if document_id is not None:
                return await self._family(session, collection_id, document_id, _DOCUMENTS_AT_ONCE)
            mine = {"organisation_id": self.organisation_id, "collection_id": collection_id}
            return list(await session("removal_documents", limit=_DOCUMENTS_AT_ONCE, **mine))

    async def _family(self, session: Session, collection_id: str, document_id: str, limit: int | None) -> list[Any]:
        mine = {"organisation_id": self.organisation_id, "collection_id": collection_id}
        return list(await session("removal_family", document_id=document_id, limit=limit, **mine))

    async def _clear_document(self, collection_id: str, document_id: str, public_id: str, alone: str | None) -> Receipt:
        """Blobs and artefacts before rows, so that nothing is left that no row names. `alone` is the id of the document
        that is removed with what is inside of it, and None where its collection is."""
        mine = {"organisation_id": self.organisation_id, "document_id": document_id}
        async with self.database.transaction() as session:
            # No flip shows a version while its row goes, and nobody else removes it.
            await session("lock_collection", organisation_id=self.organisation_id, collection_id=collection_id)
            if not await session("removal_hold_document", **mine):
                return Receipt()
            versions = await session("removal_versions", **mine)
            found = await session("removal_attachment_blobs", **mine)
            blobs = await self._clear_blobs(session, {each["blob_sha256"] for each in (*versions, *found)}, document_id)
            segments = 0
            for each in versions:
                segments += await self.blobs.remove_artefact(self.organisation_id, each["id"])
            await session("removal_unlink", **mine)
            jobs = await session("removal_job_rows", **mine)
            for step in ("removal_version_rows", "removal_document_row"):
                await session(step, **mine)
            receipt = Receipt(documents=1, versions=len(versions), blobs=blobs, segments=segments, jobs=jobs)
            total = await self._noted(session, collection_id, alone, receipt)
            if alone == document_id:
                detail = {"collection": collection_id, "removed": total}
                await audit(session, self.organisation_id, "document.removed", public_id, actor=SYSTEM, detail=detail)
        return receipt

    async def _clear_blobs(self, session: Session, hashes: set[str], document_id: str) -> int:
        removed = 0
        for sha256 in sorted(hashes):
            mine = {"organisation_id": self.organisation_id, "sha256": sha256}
            await session("blob_hold", **mine)
            if not await session("removal_blob_shared", document_id=document_id, **mine):
                removed += await self.blobs.remove(self.organisation_id, sha256)
        return removed

    async def _drop_collection(self, collection_id: str) -> None:
        mine = {"organisation_id": self.organisation_id, "id": collection_id}
        async with self.database.transaction() as session:
            if not await session("removal_hold_collection", **mine):
                return
            staged = await session("removal_upload_paths", **mine)
            await self.blobs.remove_all([each["path"] for each in staged])
            total = await self._noted(session, collection_id, None, Receipt())
            for step in ("document_tombstones", "flip_rows", "collection_unlink", "generation_rows", "collection_row"):
                await session(f"removal_{step}", **mine)
            detail = {"removed": total}
            await audit(session, self.organisation_id, "collection.removed", collection_id, actor=SYSTEM, detail=detail)

    async def _noted(
        self, session: Session, collection_id: str, document_id: str | None, receipt: Receipt
    ) -> dict[str, int]:
        """Adds to what the tombstone counts; gives its total."""
        total = await session(
            "tombstone_note",
            organisation_id=self.organisation_id,
            collection_id=collection_id,
            document_id=document_id or "",
            counts=receipt.counts,
        )
        return dict(total)

    async def _audited(self, session: Session, event: str, target: str, detail: dict[str, Any]) -> None:
        await audit(session, self.organisation_id, event, target, actor=self.actor, address=self.address, detail=detail)
