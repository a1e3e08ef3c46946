"""A slow look at the originals themselves: do their bytes still have the hash by which they are called?

Each day some bytes are read, going on where the day before ended, by organisation and hash; behind the last it begins
again. The place is kept in the chore's result.
"""

from collections.abc import Mapping
from typing import Any

from lorekeep_chassis import errors
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.reconciliation.findings import tell
from lorekeep_gateway.reconciliation.originals import CORRUPT, warn
from lorekeep_gateway.store.database import Database

_PAGE = 100


class Scrub:
    """Reads about `budget_bytes` in a run, and at least one blob."""

    def __init__(self, database: Database, blobs: Blobs, budget_bytes: int) -> None:
        self._database = database
        self._blobs = blobs
        self._budget_bytes = budget_bytes

    async def run(self, before: Mapping[str, Any] | None) -> dict[str, Any]:
        """Goes on behind the place in the result of the run before; gives the result of this one."""
        place = dict((before or {}).get("place") or _BEGINNING)
        read = checked = corrupt = 0
        while rows := await self._page(place):
            for row in rows:
                if checked and read + row["size_bytes"] > self._budget_bytes:
                    return {"place": place, "blobs": checked, "bytes": read, "blob_corrupt": corrupt}
                corrupt += await self._looked(row)
                checked, read = checked + 1, read + row["size_bytes"]
                place = {"organisation_id": row["organisation_id"], "sha256": row["blob_sha256"]}
        return {"place": _BEGINNING, "blobs": checked, "bytes": read, "blob_corrupt": corrupt}

    async def _page(self, place: Mapping[str, str]) -> list[Any]:
        async with self._database.session() as session:
            return list(await session("scrub_page", **place, limit=_PAGE, warning=CORRUPT))

    async def _looked(self, row: Mapping[str, Any]) -> int:
        organisation_id, sha256 = row["organisation_id"], row["blob_sha256"]
        try:
            whole = await self._blobs.hashed(organisation_id, sha256) == sha256
        except errors.NotFound:
            return 0
        if whole is not row["warned"]:
            return 0
        versions = await warn(self._database, organisation_id, sha256, CORRUPT, holds=not whole)
        return 0 if whole else await tell(self._database, organisation_id, "blob_corrupt", versions, target=sha256)


_BEGINNING = {"organisation_id": "", "sha256": ""}
