"""Removal of documents and collections: hidden at once, then gone from index, blobs and tables, in that order.

Each step may be repeated, so whatever a failure leaves is finished by `sweep`.
"""

from dataclasses import dataclass, replace
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import calls, client_calls, errors, logs
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)
_SEARCH_SECONDS = 10.0
_DOCUMENTS_AT_ONCE = 100
# A worker whose job is cancelled notices within its lease; until then it may still write to the index.
_LEASE_SECONDS = 60.0


@dataclass(frozen=True)
class Receipt:
    """What was removed. `finished` is false where the janitor goes on."""

    finished: bool = True
    documents: int = 0
    versions: int = 0
    blobs: int = 0
    chunks: int = 0

    def __add__(self, other: "Receipt") -> "Receipt":
        return Receipt(
            self.finished and other.finished,
            self.documents + other.documents,
            self.versions + other.versions,
            self.blobs + other.blobs,
            self.chunks + other.chunks,
        )


@dataclass(frozen=True)
class Removal:
    """Removes what belongs to one organisation."""

    database: Database
    blobs: Blobs
    callees: Callees
    organisation_id: str

    async def document(self, collection_id: str, public_id: str) -> Receipt:
        """Removes a document; NotFound where there is none."""
        async with self.database.transaction() as session:
            marked = await session(
                "removal_mark_document",
                organisation_id=self.organisation_id,
                collection_id=collection_id,
                public_id=public_id,
            )
            if marked is None:
                raise errors.NotFound("There is no such document in this collection.")
            ran = await self._cancel(session, collection_id, marked["id"])
        receipt = await self.finish(collection_id, marked["id"], keep_rows=ran)
        return replace(receipt, finished=receipt.finished and not ran)

    async def collection(self, collection_id: str) -> Receipt:
        """Removes a collection with all of its documents; NotFound where there is none."""
        async with self.database.transaction() as session:
            held = await session("collection_lock", organisation_id=self.organisation_id, id=collection_id)
            if held is None:
                raise errors.NotFound("There is no such collection.")
            await session("removal_mark_collection", organisation_id=self.organisation_id, id=collection_id)
            ran = await self._cancel(session, collection_id, None)
        receipt = await self.finish(collection_id, None, keep_rows=ran)
        return replace(receipt, finished=receipt.finished and not ran)

    async def finish(self, collection_id: str, document_id: str | None, *, keep_rows: bool = False) -> Receipt:
        """Does what is left to do for what is marked; a part of the service that is away leaves it unfinished.

        `document_id` None stands for the whole collection. With `keep_rows` only the index is cleared: a worker may
        still be writing to it, so the rest waits for the sweep.
        """
        try:
            chunks = await self._clear_index(collection_id, document_id)
            receipt = Receipt(finished=not keep_rows, chunks=chunks)
            return receipt if keep_rows else receipt + await self._clear_rows(collection_id, document_id)
        except (errors.Unavailable, errors.Overloaded, errors.DeadlineExceeded) as error:
            _LOG.warning("a removal waits for the janitor", extra={"lorekeep": {"reason": error.reason}})
            return Receipt(finished=False)

    async def forget_blob(self, sha256: str) -> bool:
        """Removes a blob that no version needs; whether it did."""
        async with self.database.transaction() as session:
            await session("blob_hold", organisation_id=self.organisation_id, sha256=sha256)
            if await session("blob_used", organisation_id=self.organisation_id, sha256=sha256):
                return False
            await self.blobs.remove(self.organisation_id, sha256)
            return True

    async def _cancel(self, session: Any, collection_id: str, document_id: str | None) -> bool:
        """Cancels jobs; whether one of them was running."""
        cancelled = await session(
            "removal_cancel_jobs",
            organisation_id=self.organisation_id,
            collection_id=collection_id,
            document_id=document_id,
        )
        return any(each["ran"] for each in cancelled)

    async def _clear_index(self, collection_id: str, document_id: str | None) -> int:
        async with self.database.session() as session:
            spaces = await session(
                "collection_spaces", organisation_id=self.organisation_id, collection_id=collection_id
            )
        context = calls.CallContext(self.organisation_id, collection_id, "removal", calls.Lane.INTERACTIVE)
        chunks = 0
        with calls.calling_as(context), calls.deadline(_SEARCH_SECONDS):
            for each in spaces:
                scope = search_pb2.Scope(
                    space=search_pb2.IndexSpace(**dict(each)),
                    collection_id=collection_id,
                    document_id=document_id or "",
                )
                async with client_calls.translated():
                    answer = await self.callees.search.Remove(search_pb2.RemoveRequest(scope=scope))
                chunks += answer.chunk_count
        return chunks

    async def _clear_rows(self, collection_id: str, document_id: str | None) -> Receipt:
        """Documents in portions, then the collection itself."""
        receipt = Receipt()
        while documents := await self._portion(collection_id, document_id):
            for each in documents:
                receipt += await self._clear_document(each)
        if document_id is None:
            await self._drop_collection(collection_id)
        return receipt

    async def _portion(self, collection_id: str, document_id: str | None) -> list[str]:
        async with self.database.session() as session:
            rows = await session(
                "removal_documents",
                organisation_id=self.organisation_id,
                collection_id=collection_id,
                document_id=document_id,
                limit=_DOCUMENTS_AT_ONCE,
            )
        return [row["id"] for row in rows]

    async def _clear_document(self, document_id: str) -> Receipt:
        """Blobs and artefacts before rows, so that nothing is left that no row names."""
        mine = {"organisation_id": self.organisation_id, "document_id": document_id}
        async with self.database.transaction() as session:
            versions = await session("removal_versions", **mine)
            removed = 0
            for sha256 in sorted({each["blob_sha256"] for each in versions}):
                await session("blob_hold", organisation_id=self.organisation_id, sha256=sha256)
                if not await session("removal_blob_shared", sha256=sha256, **mine):
                    await self.blobs.remove(self.organisation_id, sha256)
                    removed += 1
            for each in versions:
                await self.blobs.remove_artefact(self.organisation_id, each["id"])
            for step in ("removal_unlink", "removal_job_rows", "removal_version_rows", "removal_document_row"):
                await session(step, **mine)
        return Receipt(documents=1, versions=len(versions), blobs=removed)

    async def _drop_collection(self, collection_id: str) -> None:
        async with self.database.transaction() as session:
            for step in ("flip_rows", "collection_unlink", "generation_rows", "collection_row"):
                await session(f"removal_{step}", organisation_id=self.organisation_id, id=collection_id)


async def sweep(
    database: Database, blobs: Blobs, callees: Callees, *, older_than_seconds: float = _LEASE_SECONDS, limit: int = 20
) -> int:
    """Finishes removals that were marked `older_than_seconds` ago, at most `limit` of a kind; gives how many."""
    async with database.session() as session:
        age = {"older_than_seconds": older_than_seconds, "limit": limit}
        documents = await session("removal_left_documents", **age)
        collections = await session("removal_left_collections", **age)
    finished = 0
    for row in documents:
        removal = Removal(database, blobs, callees, row["organisation_id"])
        finished += (await removal.finish(row["collection_id"], row["id"])).finished
    for row in collections:
        removal = Removal(database, blobs, callees, row["organisation_id"])
        finished += (await removal.finish(row["id"], None)).finished
    return finished
