"""The ingest role on a bench: real Postgres, real blobs, real gRPC, and workers that start and stop at will."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from tests.ingest.services import Services

from lorekeep_gateway.bell import Bell
from lorekeep_gateway.blobs import Blobs
from lorekeep_gateway.callees import Callees
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.ingest.role import Ingest
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.store.database import Database

Row = Any


class Bench:
    """Makes documents, runs workers, looks at what came of it."""

    def __init__(
        self, database: Database, blobs: Blobs, callees: Callees, services: Services, settings: IngestSettings
    ):
        self.database, self.blobs, self.callees = database, blobs, callees
        self.services, self.settings = services, settings

    async def sql(self, statement: str, *values: Any) -> list[Row]:
        url = self.settings.database_url.get_secret_value()
        connection = await asyncpg.connect(url, statement_cache_size=0)
        try:
            await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def collection(self, organisation: str = "org_a", schema: dict[str, str] | None = None) -> str:
        """A new collection; its organisation is made where it is missing."""
        await self.sql("insert into organisations (id, name) values ($1, $1) on conflict do nothing", organisation)
        await self.sql(
            "insert into workspaces (id, organisation_id, name) values ('ws_' || $1::text, $1, 'main')"
            " on conflict do nothing",
            organisation,
        )
        collection_id = new_id("col")
        await self.sql(
            "insert into collections (id, organisation_id, workspace_id, name, metadata_schema)"
            " values ($1, $2, 'ws_' || $2::text, $3, $4)",
            collection_id,
            organisation,
            collection_id.removeprefix("col_"),
            schema or {},
        )
        return collection_id

    async def document(self, collection_id: str, text: str, *, of: str = "", **job: Any) -> dict[str, str]:
        """A document, or the next version of `of`, with its job; gives the ids as the job's columns name them."""
        organisation = (await self.sql("select organisation_id from collections where id = $1", collection_id))[0][0]
        blob = await self.blobs.keep(organisation, _pieces(text.encode()))
        ids = {"document_id": of or new_id("doc"), "version_id": new_id("ver"), "id": new_id("job")}
        metadata = job.pop("metadata", {})
        if not of:
            await self.sql(
                "insert into documents (id, organisation_id, collection_id, public_id, name, status)"
                " values ($1, $2, $3, $1, 'a.txt', 'pending')",
                ids["document_id"],
                organisation,
                collection_id,
            )
        await self.sql(
            "insert into versions (id, organisation_id, document_id, number, status, blob_sha256, size_bytes,"
            " media_type, name, metadata, request_hash) select $1, $2, $3, count(*) + 1, 'pending', $4, $5,"
            " 'text/plain', 'a.txt', $6, $4 from versions where document_id = $3",
            ids["version_id"],
            organisation,
            ids["document_id"],
            blob.sha256,
            blob.size_bytes,
            metadata,
        )
        given = {"lane": "bulk", "traceparent": None, "actor": "key_x", "deadline_at": None, **job}
        async with self.database.session() as session:
            await session("enqueue_job", organisation_id=organisation, collection_id=collection_id, **ids, **given)
        return ids

    def ingest(self, database: Database | None = None, bell: Bell | None = None, **changed: Any) -> Ingest:
        settings = self.settings.model_copy(update=changed)
        return Ingest(database or self.database, self.blobs, self.callees, settings, bell or Bell(None))

    @asynccontextmanager
    async def working(self, ingest: Ingest | None = None, **changed: Any) -> AsyncIterator[Ingest]:
        """A worker that claims and works inside, and drains at the end."""
        ingest = ingest or self.ingest(**changed)
        loop = asyncio.create_task(ingest.worker.run())
        try:
            yield ingest
        finally:
            await ingest.worker.drain()
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop

    async def ended(self, ids: dict[str, str]) -> Row:
        """The job's row once it has ended."""

        async def row() -> Row:
            found = await self.job(ids)
            return found if found["status"] in ("succeeded", "failed", "cancelled") else None

        return await until(row)

    async def job(self, ids: dict[str, str]) -> Row:
        return (await self.sql("select * from jobs where id = $1", ids["id"]))[0]

    async def runs(self, ids: dict[str, str]) -> list[Row]:
        return await self.sql("select * from job_runs where job_id = $1 order by number", ids["id"])

    async def document_row(self, ids: dict[str, str]) -> Row:
        return (await self.sql("select * from documents where id = $1", ids["document_id"]))[0]

    async def version(self, ids: dict[str, str]) -> Row:
        return (await self.sql("select * from versions where id = $1", ids["version_id"]))[0]

    async def visible(self, collection_id: str) -> dict[str, str]:
        """Visible text by version, once it is sure that no ordinal is missing or double."""
        epoch = (await self.sql("select epoch from collections where id = $1", collection_id))[0][0]
        texts: dict[str, list[str]] = {}
        for each in self.services.search.visible(collection_id, epoch):
            assert each.chunk.ordinal == len(texts.setdefault(each.version_id, []))
            texts[each.version_id].append(each.chunk.text)
        return {version: "".join(parts) for version, parts in texts.items()}


async def until(look: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Looks until there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if seen := await look():
            return seen
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come about in time")


def book(pages: int, word: str = "line") -> str:
    """Text of as many pages, three lines each."""
    return "\f".join("\n".join(f"{word} {page}.{line}. " for line in range(3)) for page in range(pages))


def plain(text: str) -> str:
    """A text as its chunks give it back."""
    return text.replace("\n", "").replace("\f", "")


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
