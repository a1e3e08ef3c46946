"""The blob store compared with the records: what no row names goes, and what a row names and is gone is said.

A blob is removed under the hold that whoever accepts a document takes too, and only when no version needs it under that
hold. Rows are written before segments and before parts of an upload, so what has no row is nobody's.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lorekeep_gateway.blobs import Blobs, Kept
from lorekeep_gateway.reconciliation.findings import tell
from lorekeep_gateway.store.database import Database

_PATIENCE = timedelta(days=1)
_PAGE = 500
MISSING = "blob_missing: The original bytes are gone. Upload the document again."
CORRUPT = "blob_corrupt: The original bytes are damaged. Upload the document again."


class Originals:
    """Compares what lies in the blob store. What is younger than `patience` is not looked at."""

    def __init__(self, database: Database, blobs: Blobs, patience: timedelta = _PATIENCE) -> None:
        self._database = database
        self._blobs = blobs
        self._patience = patience

    async def compare(self) -> dict[str, int]:
        """Compares all organisations, those too of which only bytes are left; gives findings by kind."""
        async with self._database.session() as session:
            known = {row["id"] for row in await session("sweep_organisations")}
        found: Counter[str] = Counter()
        for organisation_id in sorted(known | set(await self._blobs.organisations())):
            found.update(await self.organisation(organisation_id))
        return dict(found)

    async def organisation(self, organisation_id: str) -> dict[str, int]:
        """Compares one organisation."""
        steps = {
            "staged_bytes": self._staged,
            "orphan_blob": self._orphans,
            "orphan_artefact": self._artefacts,
            "blob_missing": self._missing,
        }
        found = {}
        for kind, step in steps.items():
            found[kind] = await tell(self._database, organisation_id, kind, await step(organisation_id))
        return found

    async def _staged(self, organisation_id: str) -> list[str]:
        """Removes staged bytes that no upload under way names, and what was never written to its end."""
        gone: list[str] = []
        async for portion in self._blobs.listed(organisation_id, "uploads"):
            paths = [each.path for each in self._old(portion)]
            async with self._database.session() as session:
                live = await session("sweep_live_parts", organisation_id=organisation_id, paths=paths)
            dead = sorted(set(paths) - {row["path"] for row in live})
            await self._blobs.remove_all(dead)
            gone += dead
        return gone + await self._blobs.remove_strays(organisation_id, datetime.now(UTC) - self._patience)

    async def _orphans(self, organisation_id: str) -> list[str]:
        """Removes originals that no version needs."""
        gone: list[str] = []
        async for portion in self._blobs.listed(organisation_id, "blobs"):
            hashes = [each.name for each in self._old(portion)]
            async with self._database.session() as session:
                needed = await session("sweep_needed_blobs", organisation_id=organisation_id, hashes=hashes)
            for sha256 in sorted(set(hashes) - {row["blob_sha256"] for row in needed}):
                if await self._forgotten(organisation_id, sha256):
                    gone.append(sha256)
        return gone

    async def _forgotten(self, organisation_id: str, sha256: str) -> bool:
        mine = {"organisation_id": organisation_id, "sha256": sha256}
        async with self._database.transaction() as session:
            await session("blob_hold", **mine)
            if await session("blob_used", **mine):
                return False
            return await self._blobs.remove(organisation_id, sha256)

    async def _artefacts(self, organisation_id: str) -> list[str]:
        """Removes artefacts whose version is gone or pruned, and that no other version shares."""
        gone: dict[str, None] = {}
        async for portion in self._blobs.listed(organisation_id, "artefacts"):
            ids = sorted({each.place.split("/")[1] for each in portion} - set(gone))
            async with self._database.session() as session:
                needed = await session("sweep_needed_artefacts", organisation_id=organisation_id, ids=ids)
            for version_id in sorted(set(ids) - {row["id"] for row in needed}):
                await self._blobs.remove_artefact(organisation_id, version_id)
                gone[version_id] = None
        return list(gone)

    async def _missing(self, organisation_id: str) -> list[str]:
        """Warns of versions whose original is gone, once; takes the warning back where it is there again."""
        missing: list[str] = []
        after = ""
        while True:
            async with self._database.session() as session:
                rows = await session(
                    "sweep_blobs_page", organisation_id=organisation_id, after=after, limit=_PAGE, warning=MISSING
                )
            for row in rows:
                present = await self._blobs.has(organisation_id, row["blob_sha256"])
                if present is row["warned"]:
                    told = await warn(self._database, organisation_id, row["blob_sha256"], MISSING, holds=not present)
                    missing += [] if present else told
            if len(rows) < _PAGE:
                return missing
            after = rows[-1]["blob_sha256"]

    def _old(self, portion: Sequence[Kept]) -> list[Kept]:
        before = datetime.now(UTC) - self._patience
        return [each for each in portion if each.changed_at <= before]


async def warn(database: Database, organisation_id: str, sha256: str, warning: str, *, holds: bool) -> list[str]:
    """Puts a warning on the versions of a blob, or takes it off; gives those that changed."""
    query = "sweep_warn" if holds else "sweep_unwarn"
    async with database.session() as session:
        rows = await session(query, organisation_id=organisation_id, sha256=sha256, warning=warning)
    return [row["id"] for row in rows]
