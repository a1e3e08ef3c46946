"""Removal of chunks that nobody sees: of failed versions at once, of superseded ones some time later.

A version's row is locked while its chunks are removed, so that a retry of its job begins behind it and not beside it.
"""

from collections.abc import Mapping
from typing import Any

from lorekeep.search.v1.search_pb2 import Scope
from lorekeep_chassis import calls, client_calls, errors, logs
from lorekeep_gateway.ingest.index import Index, space_of
from lorekeep_gateway.store.database import Database, Session

_LOG = logs.logger(__name__)
_REMOVE_SECONDS = 20.0


class Sweeps:
    """Removes retired versions' chunks."""

    def __init__(self, database: Database, index: Index, sweep_after_seconds: float) -> None:
        self._database = database
        self._index = index
        self._sweep_after_seconds = sweep_after_seconds

    async def sweep_version(self, version_id: str) -> None:
        """Removes what a retired version has in the index; where search does not answer, `sweep_overdue` does later."""
        try:
            async with client_calls.translated(), self._database.transaction() as session:
                await self._swept(session, await session("retired_version", version_id=version_id))
        except (errors.Unavailable, errors.Overloaded, errors.DeadlineExceeded) as error:
            _LOG.warning("chunks are swept later", extra={"lorekeep": {"version": version_id, "reason": error.reason}})

    async def sweep_overdue(self) -> int:
        """Removes what has been retired for long enough; gives the number of versions."""
        swept = 0
        while True:
            async with client_calls.translated(), self._database.transaction() as session:
                version = await session("version_to_sweep", sweep_after_seconds=self._sweep_after_seconds)
                if not await self._swept(session, version):
                    return swept
            swept += 1

    async def remove_chunks(self, version: Mapping[str, Any]) -> None:
        """Removes the chunks of a version whose row is gone."""
        owner = {"collection_id": version["collection_id"], "organisation_id": version["organisation_id"]}
        async with client_calls.translated(), self._database.session() as session:
            await self._removed(session, {**owner, **_ids(version)})

    async def _swept(self, session: Session, version: Mapping[str, Any] | None) -> bool:
        if version is None:
            return False
        await self._removed(session, {**version, "version_id": version["id"]})
        await session("mark_version_swept", version_id=version["id"], organisation_id=version["organisation_id"])
        return True

    async def _removed(self, session: Session, version: Mapping[str, Any]) -> None:
        owner = {"collection_id": version["collection_id"], "organisation_id": version["organisation_id"]}
        generation = await session("live_generation", **owner)
        if generation is None or generation["id"] is None:
            return
        context = calls.CallContext(version["organisation_id"], version["collection_id"], "sweep", calls.Lane.BULK)
        with calls.calling_as(context), calls.deadline(_REMOVE_SECONDS):
            await self._index.remove(
                Scope(space=space_of(generation), collection_id=version["collection_id"], **_ids(version))
            )


def _ids(version: Mapping[str, Any]) -> dict[str, str]:
    return {"document_id": version["document_id"], "version_id": version["version_id"]}
