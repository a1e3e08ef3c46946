"""A whole gateway on a real socket, with its Postgres, its blobs and the three services, and callers of it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from tests.gateway.callees import TOKEN, FakeSearch, Servers, listening

from lorekeep.document.v1 import document_pb2
from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import probes
from lorekeep_chassis.process import Life
from lorekeep_gateway import organisations
from lorekeep_gateway.http.role import serve
from lorekeep_gateway.organisations import Grant
from lorekeep_gateway.settings import GatewaySettings
from lorekeep_gateway.store.database import Database, connected

SPACE = {"model": "m", "fingerprint": "f", "dimensions": 3, "distance": "cosine"}


@dataclass
class Suite:
    """A running gateway. `http` calls it with a key that has all scopes."""

    settings: GatewaySettings
    servers: Servers
    life: Life
    database: Database
    database_url: str
    blobs: Path
    base_url: str
    key: str
    http: httpx.AsyncClient

    @property
    def search(self) -> FakeSearch:
        return self.servers.search

    def caller(self, key: str | None) -> httpx.AsyncClient:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=30)

    async def key_for(self, organisation: str, grant: Grant | None = None) -> str:
        """A key of an organisation, which is made where it is missing."""
        known = {each["name"] for each in await organisations.list_all(self.database)}
        if organisation not in known:
            await organisations.create(self.database, organisation)
        made = await organisations.create_key(self.database, organisation, "someone", grant or Grant("test"))
        return made.text

    async def sql(self, statement: str, *values: object) -> list[Any]:
        connection = await asyncpg.connect(self.database_url, statement_cache_size=0)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def rows(self, table: str) -> int:
        return int((await self.sql(f"select count(*) from {table}"))[0][0])

    def files(self) -> list[Path]:
        return [each for each in self.blobs.rglob("*") if each.is_file()]

    async def collection(self, name: str = "demo", **schema: str) -> dict[str, Any]:
        answer = await self.http.post("/api/v1/collections", json={"name": name, "metadata_schema": schema})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def upload(self, collection: str = "demo", text: str = "Refunds take five days.", **fields: Any) -> Any:
        answer = await self.http.post(f"/api/v1/collections/{collection}/documents", json={"text": text, **fields})
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def index(self, collection_id: str, public_id: str, *texts: str) -> str:
        """Does what ingest does at the end: a live generation, chunks in the index, the newest version visible."""
        (document,) = await self.sql(
            "select d.id, d.organisation_id, v.id as version_id "
            "from documents d join versions v on v.document_id = d.id "
            "where d.collection_id = $1 and d.public_id = $2 order by v.number desc limit 1",
            collection_id,
            public_id,
        )
        await self.sql(
            "insert into generations values ('gen_' || $1, $2, $1, 'm', 'f', 't', 3, 'cosine', 256, 0, 16, 'live') "
            "on conflict do nothing",
            collection_id,
            document["organisation_id"],
        )
        await self.sql("update collections set generation_id = 'gen_' || $1, epoch = 1 where id = $1", collection_id)
        await self.sql("update versions set status = 'ready' where id = $1", document["version_id"])
        await self.sql(
            "update documents set status = 'ready', version_id = $2 where id = $1",
            document["id"],
            document["version_id"],
        )
        await self.sql("update jobs set status = 'succeeded' where version_id = $1", document["version_id"])
        kept = self.search.chunks.setdefault(document["organisation_id"], [])
        for ordinal, text in enumerate(texts):
            chunk = document_pb2.Chunk(ordinal=ordinal, text=text, end=len(text), page=1, heading_path=["Top"])
            kept.append(
                search_pb2.IndexedChunk(
                    chunk_id=f"{document['version_id']}-{ordinal}",
                    collection_id=collection_id,
                    document_id=document["id"],
                    version_id=document["version_id"],
                    public_document_id=public_id,
                    document_name=public_id,
                    chunk=chunk,
                    metadata_json='{"lang": "en"}',
                )
            )
        return str(document["id"])


@asynccontextmanager
async def running(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Suite]:
    """A gateway over a fresh database; `settings` replace its defaults."""
    async with listening() as servers, connected(database_url, pool_size=2) as database:
        key = await organisations.create_first(database, "main", "admin", Grant("administrator"), again=False)
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = listener.getsockname()[1]
        given = GatewaySettings(
            **{
                "database_url": database_url,
                "blobs_url": f"file://{folder}/blobs",
                **{f"{role}_target": target for role, target in servers.targets.items()},
                **{f"{role}_token": TOKEN for role in servers.targets},
                "listen_fd": listener.detach(),
                "drain_seconds": 4,
                **settings,
            }
        )
        life = Life(probes.Health("test"))
        base_url = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {key.text}"}
        async with (
            serve(given, life),
            httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as http,
        ):
            yield Suite(given, servers, life, database, database_url, folder / "blobs", base_url, key.text, http)
