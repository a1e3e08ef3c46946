"""Pruning: of each document the last three versions that were shown keep their bytes and artefacts, older ones go."""

from lorekeep_chassis import logs
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.store.database import Database

_LOG = logs.logger(__name__)


async def prune(database: Database, blobs: Blobs) -> int:
    """Removes what versions that too many came after keep, as far as no other version needs it; gives how many."""
    pruned = 0
    while await _one(database, blobs):
        pruned += 1
    return pruned


async def _one(database: Database, blobs: Blobs) -> bool:
    """One version in one transaction: a death leaves it to be pruned again, and each step may be repeated."""
    async with database.transaction() as session:
        version = await session("prune_next")
        if version is None:
            return False
        mine, hashes = {"organisation_id": version["organisation_id"]}, {version["blob_sha256"]}
        await session("prune_done", version_id=version["id"], **mine)
        if not await session("prune_shared", artefact_id=version["artefact_id"], **mine):
            await blobs.remove_artefact(version["organisation_id"], version["artefact_id"])
            found = await session("attachments_pruned", version_id=version["artefact_id"], **mine)
            hashes |= {each["blob_sha256"] for each in found}
        for sha256 in sorted(hashes):
            await session("blob_hold", sha256=sha256, **mine)
            if not await session("blob_used", sha256=sha256, **mine):
                await blobs.remove(version["organisation_id"], sha256)
    _LOG.info("a version was pruned", extra={"lorekeep": {"version": version["id"]}})
    return True
