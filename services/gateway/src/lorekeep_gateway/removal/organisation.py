"""Removal of an organisation with all that it has. Its audit log stays, and tombstones that name ids alone."""

import asyncpg

from lorekeep_chassis import errors, logs
from lorekeep_gateway.blobs import SEGMENT_ENDING, Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.organisations import audit
from lorekeep_gateway.removal.documents import AWAY, SYSTEM, Removal
from lorekeep_gateway.removal.index import forget_cache
from lorekeep_gateway.removal.receipts import Receipt
from lorekeep_gateway.store.database import Database, Session

_LOG = logs.logger(__name__)
_ROWS = ("api_keys", "webhook_deliveries", "webhooks", "idempotency_keys", "memberships", "workspaces", "organisation")


async def mark(database: Database, name: str, *, actor: str, address: str = "") -> str:
    """Hides an organisation and all that it has, at once, and ends its jobs; gives its id. Its name is free again.

    NotFound where there is none of that name. What is marked is removed by `OrganisationRemoval.finish`, at the latest
    by the janitor.
    """
    async with database.transaction() as session:
        organisation_id: str | None = await session("removal_mark_organisation", name=name)
        if organisation_id is None:
            raise errors.NotFound(f"There is no organisation named {name}.")
        mine = {"organisation_id": organisation_id}
        await session("removal_revoke_api_keys", **mine)
        await session("removal_mark_collections", **mine)
        await session("removal_cancel_jobs", collection_id=None, document_ids=None, **mine)
        await session("tombstone_leave", collection_id="", document_id="", **mine)
        detail = {"name": name}
        event = "organisation.deleted"
        await audit(session, organisation_id, event, organisation_id, actor=actor, address=address, detail=detail)
    return organisation_id


async def receipt_of(database: Database, organisation_id: str) -> Receipt | None:
    """What was removed of an organisation so far; None where it was never marked."""
    async with database.session() as session:
        found = await session("removal_organisation_receipt", organisation_id=organisation_id)
    if found is None:
        return None
    return Receipt.of_counts({**Receipt().counts, **found["removed"]}, finished=found["finished"])


class OrganisationRemoval:
    """Removes organisations: collection after collection, then what no collection holds, then the rows."""

    def __init__(self, database: Database, blobs: Blobs, callees: Callees) -> None:
        self._database = database
        self._blobs = blobs
        self._callees = callees

    async def delete(self, name: str, *, actor: str, address: str = "") -> Receipt:
        """Removes an organisation by name; NotFound where there is none."""
        return await self.finish(await mark(self._database, name, actor=actor, address=address))

    async def finish(self, organisation_id: str) -> Receipt:
        """Does what is left to do for one that is marked; gives what was removed so far, over all tries."""
        try:
            if await self._clear_collections(organisation_id):
                await self._clear_rest(organisation_id)
                await self._drop(organisation_id)
        except (*AWAY, asyncpg.ForeignKeyViolationError) as error:
            reason = getattr(error, "reason", "still_used")
            _LOG.warning("an organisation's removal waits", extra={"lorekeep": {"reason": reason}})
        return await receipt_of(self._database, organisation_id) or Receipt(finished=False)

    async def _clear_collections(self, organisation_id: str) -> bool:
        """Whether none is left. One that was being made when all were marked is marked now."""
        removal = Removal(self._database, self._blobs, self._callees, organisation_id)
        async with self._database.session() as session:
            collections = await session("removal_collections", organisation_id=organisation_id)
        finished = True
        for each in collections:
            work = removal.collection(each["id"]) if each["active"] else removal.finish(each["id"], None)
            finished = (await work).finished and finished
        return finished

    async def _clear_rest(self, organisation_id: str) -> None:
        """Whatever lies in the blob store and in the cache, named by rows or not."""
        blobs = segments = 0
        async for listed in self._blobs.listed(organisation_id):
            paths = [each.path for each in listed]
            await self._blobs.remove_all(paths)
            blobs += sum(each.kind == "blobs" for each in listed)
            segments += sum(each.name.endswith(SEGMENT_ENDING) for each in listed)
        entries = await forget_cache(self._callees, organisation_id)
        async with self._database.session() as session:
            await _noted(session, organisation_id, Receipt(blobs=blobs, segments=segments, cache_entries=entries))

    async def _drop(self, organisation_id: str) -> None:
        mine = {"organisation_id": organisation_id}
        async with self._database.transaction() as session:
            await session("removal_unlink_api_keys", **mine)
            for step in _ROWS:
                await session(f"removal_{step}_rows", **mine)
            await session("removal_lonely_users")
            found = await session("removal_organisation_receipt", **mine)
            if found is not None and found["finished"]:
                detail = {"removed": found["removed"]}
                event = "organisation.removed"
                await audit(session, organisation_id, event, organisation_id, actor=SYSTEM, detail=detail)


async def _noted(session: Session, organisation_id: str, receipt: Receipt) -> None:
    await session(
        "tombstone_note", organisation_id=organisation_id, collection_id="", document_id="", counts=receipt.counts
    )
