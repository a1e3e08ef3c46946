"""The janitor's part: removals that were cut short, and what late writers put where something was removed."""

from collections.abc import Mapping
from typing import Any

from lorekeep_chassis import logs
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.removal.documents import Removal
from lorekeep_gateway.removal.index import remove_chunks
from lorekeep_gateway.removal.organisation import OrganisationRemoval
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)
# Whoever asked for the removal of a document or a collection is still at it for a while.
_PATIENCE_SECONDS = 30.0
_TOMBSTONES_AT_ONCE = 200


async def sweep(
    database: Database,
    blobs: Blobs,
    callees: Callees,
    *,
    older_than_seconds: float = _PATIENCE_SECONDS,
    limit: int = 20,
) -> int:
    """Finishes removals of organisations, and those of documents and collections that were marked `older_than_seconds`
    ago and on which no worker has a lease any more; at most `limit` of a kind. Gives how many."""
    age = {"older_than_seconds": older_than_seconds, "limit": limit}
    async with database.session() as session:
        documents = await session("removal_left_documents", **age)
        collections = await session("removal_left_collections", **age)
        organisations = await session("removal_left_organisations", limit=limit)
    finished = 0
    for row in documents:
        removal = Removal(database, blobs, callees, row["organisation_id"])
        finished += (await removal.finish(row["collection_id"], row["id"])).finished
    for row in collections:
        removal = Removal(database, blobs, callees, row["organisation_id"])
        finished += (await removal.finish(row["id"], None)).finished
    for row in organisations:
        finished += (await OrganisationRemoval(database, blobs, callees).finish(row["id"])).finished
    return finished


class Tombstones:
    """Where something was removed; looked after for a month."""

    def __init__(self, database: Database, callees: Callees) -> None:
        self._database = database
        self._callees = callees

    async def look_again(self) -> int:
        """Removes what came after a removal, at every tombstone; gives the number of chunks. Old ones are forgotten."""
        async with self._database.session() as session:
            await session("tombstones_forget")
        chunks, after = 0, ("", "", "")
        while stones := await self._page(after):
            for each in stones:
                chunks += await self._looked(each)
            last = stones[-1]
            after = (last["organisation_id"], last["collection_id"], last["document_id"])
        return chunks

    async def _page(self, after: tuple[str, str, str]) -> list[Any]:
        async with self._database.session() as session:
            rows = await session(
                "tombstones_page",
                organisation_id=after[0],
                collection_id=after[1],
                document_id=after[2],
                limit=_TOMBSTONES_AT_ONCE,
            )
        return list(rows)

    async def _looked(self, stone: Mapping[str, Any]) -> int:
        chunks = await remove_chunks(self._callees, **stone)
        if chunks:
            place = {"chunks": chunks, "collection": stone["collection_id"]}
            _LOG.warning("chunks came after their removal", extra={"lorekeep": place})
        return chunks
