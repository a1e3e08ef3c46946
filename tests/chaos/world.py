"""The suite under the storm: its owners with their keys, its database, its processes, its index."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from lorekeep.search.v1 import search_pb2
from lorekeep.search.v1.search_pb2_grpc import SearchServiceStub
from lorekeep_chassis import calls, channels
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.state import Record, State
from lorekeep_sdk import AsyncLorekeep
from tests.chaos.script import COLLECTION, OWNERS, STRATEGIES
from tests.e2e.suite import Suite, running

CALM = "calm"
LEASE_SECONDS = 6
_ENVIRONMENT = {
    "LOREKEEP_REPLICAS_GATEWAY": "2",
    "LOREKEEP_REPLICAS_INGEST": "2",
    "LOREKEEP_REPLICAS_PARSER": "2",
    "LOREKEEP_REPLICAS_EMBEDDER": "2",
    "LOREKEEP_LEASE_SECONDS": str(LEASE_SECONDS),
    # A job that is killed again and again without its own fault: the promise is that it ends right, not how soon.
    "LOREKEEP_JOB_MAX_ATTEMPTS": "20",
    "LOREKEEP_RETRY_SECONDS": "0.3",
    "LOREKEEP_POLL_SECONDS": "0.5",
    "LOREKEEP_BATCH_PAGES": "4",
    "LOREKEEP_EMBED_BATCH_CHUNKS": "8",
    "LOREKEEP_JANITOR_SECONDS": "2",
    "LOREKEEP_SWEEP_AFTER_SECONDS": "4",
}
_SCOPES = ("search", "ingest", "manage")
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


@dataclass(frozen=True)
class Owner:
    """An organisation and the key that acts for it."""

    name: str
    organisation_id: str
    key: str


class World:
    """A running suite and what is known of it from outside."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.home = Home(suite.home)
        self.owners = {name: self._owner(name) for name in (*OWNERS, CALM)}

    def http(self, owner: str, seconds: float) -> httpx.AsyncClient:
        """Plain HTTP with an owner's key: one attempt a call."""
        headers = {"Authorization": f"Bearer {self.owners[owner].key}"}
        return httpx.AsyncClient(base_url=self.suite.url, headers=headers, timeout=seconds)

    def records(self) -> list[Record]:
        """Every process as the supervisor knows it."""
        return State.read(self.home.state_file).processes

    def blobs(self) -> set[str]:
        """What the blob store holds, as paths below it."""
        root = self.home.data / "blobs"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        """What a statement finds. The database may be away just now: then an empty list."""
        try:
            async with self.database() as connection:
                return list(await connection.fetch(statement, *values, timeout=10))
        except _LOST:
            return []

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Any]:
        """A connection of its own."""
        url = State.read(self.home.state_file).database_url
        connection = await asyncpg.connect(url, statement_cache_size=0, timeout=5)
        try:
            yield connection
        finally:
            await asyncio.shield(connection.close(timeout=2))

    async def collections(self, client: AsyncLorekeep) -> None:
        """Makes all collections for the owner whose client it is."""
        for name, strategy in STRATEGIES.items():
            await client.collections.create(name, chunking={"strategy": strategy} if name != COLLECTION else None)

    async def indexed(self, owner: str, collection_id: str, space: dict[str, Any]) -> int:
        """Chunks of a collection in the index, visible or not."""
        state = State.read(self.home.state_file)
        token = self.home.tokens(["search"])["search"]
        channel = channels.open_channel(f"127.0.0.1:{state.ports['search.grpc']}", token)
        context = calls.CallContext(self.owners[owner].organisation_id, collection_id, "census", calls.Lane.BULK)
        scope = search_pb2.Scope(space=search_pb2.IndexSpace(**space), collection_id=collection_id)
        try:
            with calls.calling_as(context), calls.deadline(30):
                answer = await SearchServiceStub(channel).Count(search_pb2.CountRequest(scope=scope))
        finally:
            await channel.close(None)
        return int(answer.chunk_count)

    def _owner(self, name: str) -> Owner:
        made = self.suite.lorekeep("admin", "organisation", "create", name)
        assert made.returncode == 0, made.stdout + made.stderr
        scopes = [part for scope in _SCOPES for part in ("--scope", scope)]
        key = self.suite.lorekeep("admin", "key", "create", name, "--organisation", name, *scopes, "--no-rate-limits")
        assert key.returncode == 0, key.stdout + key.stderr
        listed = self.suite.lorekeep("admin", "organisation", "list").stdout.splitlines()
        organisation_id = next(line.split()[0] for line in listed if line.split()[1] == name)
        return Owner(name, organisation_id, key.stdout.strip())


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A fresh suite below `folder`."""
    with running(folder / "home", **_ENVIRONMENT) as suite:
        yield World(suite)
