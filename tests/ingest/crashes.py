"""A process that dies at a chosen step: from then on nothing of it is done any more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from lorekeep.document.v1.document_pb2 import Segment
from lorekeep_gateway.blobs import Blobs, Staged
from lorekeep_gateway.store.database import Database, Session


class Died(BaseException):
    """No handler of the product stops this, as none stops kill -9."""


class Mortal:
    """Counts steps and dies before the one numbered `dies_at`, from 1; never for 0."""

    def __init__(self, dies_at: int = 0) -> None:
        self.dies_at = dies_at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.dies_at and self.steps >= self.dies_at:
            raise Died


class MortalDatabase(Database):
    """Statements are steps, and so is the end of a transaction: death before it rolls back, behind it is too late."""

    def __init__(self, database: Database, mortal: Mortal) -> None:
        self._whole = database
        self._mortal = mortal

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with self._whole.session() as session:
            yield _MortalSession(session, self._mortal)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        async with self._whole.transaction() as session:
            yield _MortalSession(session, self._mortal)
            self._mortal.step()
        self._mortal.step()


class _MortalSession(Session):
    def __init__(self, session: Session, mortal: Mortal) -> None:
        self._session = session
        self._mortal = mortal

    async def __call__(self, name: str, /, **parameters: Any) -> Any:
        if name not in ("watch_job", "queue_figures"):
            self._mortal.step()
        return await self._session(name, **parameters)


class MortalBlobs(Blobs):
    def __init__(self, blobs: Blobs, mortal: Mortal) -> None:
        self._store, self._root, self._buffer_bytes = blobs._store, blobs._root, blobs._buffer_bytes
        self._mortal = mortal

    async def stage(self, organisation_id: str, content: AsyncIterator[bytes], folder: str = "") -> Staged:
        self._mortal.step()
        staged = await super().stage(organisation_id, content, folder)
        self._mortal.step()
        return staged

    async def promote(self, organisation_id: str, staged: Staged) -> None:
        self._mortal.step()
        await super().promote(organisation_id, staged)
        self._mortal.step()

    async def keep_segment(self, organisation_id: str, version_id: str, segment: Segment) -> None:
        self._mortal.step()
        await super().keep_segment(organisation_id, version_id, segment)
        self._mortal.step()
