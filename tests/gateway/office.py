"""Postgres with an organisation whose webhooks are owed deliveries, and senders that start and stop at will."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from lorekeep_gateway import organisations
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.ingest.deliveries import Deliveries, Pace
from lorekeep_gateway.organisations import Grant
from lorekeep_gateway.outbound.addresses import Allowed
from lorekeep_gateway.outbound.fetching import Outbound
from lorekeep_gateway.store.database import Database, connected
from lorekeep_gateway.webhooks import new_secret

QUICK = Pace(first_pause_seconds=0.002, poll_seconds=0.02, post_seconds=20, lease_seconds=60)
PAYLOAD = {"job_id": "job_1", "status": "failed", "error": {"message": "„kaputt“"}}


class Office:
    """Postgres with an organisation, its webhooks and their deliveries, and senders over it."""

    def __init__(self, url: str, database: Database) -> None:
        self._url = url
        self.database = database

    async def sql(self, statement: str, *values: object) -> list[Any]:
        connection = await asyncpg.connect(self._url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def webhook(self, url: str, organisation: str = "main") -> str:
        """The id of a webhook of an organisation, which is made where it is missing."""
        if organisation not in {each["name"] for each in await organisations.list_all(self.database)}:
            await organisations.create(self.database, organisation)
        made = new_id("whk")
        await self.sql(
            "insert into webhooks (id, organisation_id, workspace_id, url, secret, events, actor)"
            " select $1, w.organisation_id, w.id, $2, $3, '{job.failed}', 'key_x'"
            " from workspaces w join organisations o on o.id = w.organisation_id where o.name = $4",
            made,
            url,
            new_secret(),
            organisation,
        )
        return made

    async def owe(self, webhook_id: str, count: int = 1) -> list[str]:
        """Ids of deliveries that wait from now on."""
        ids = [new_id("dlv") for _ in range(count)]
        await self.sql(
            "insert into webhook_deliveries (id, organisation_id, webhook_id, event, payload)"
            " select d, organisation_id, id, 'job.failed', $3::jsonb from webhooks, unnest($2::text[]) d where id = $1",
            webhook_id,
            ids,
            json.dumps(PAYLOAD),
        )
        return ids

    def sender(self, pace: Pace = QUICK) -> Deliveries:
        async def plainly(host: str, port: int) -> list[str]:
            return [host]

        return Deliveries(self.database, Outbound(Allowed.of_text("127.0.0.1"), plainly), pace)

    @asynccontextmanager
    async def sending(self, pace: Pace = QUICK) -> AsyncIterator[Deliveries]:
        """A sender at work; drained at the end, with no time for what hangs."""
        sender = self.sender(pace)
        loop = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            await sender.drain(0.05)
            await loop

    async def row(self, delivery_id: str) -> Any:
        return (await self.sql("select * from webhook_deliveries where id = $1", delivery_id))[0]

    async def failed_once(self, delivery_id: str) -> Any:
        """The delivery's row once an attempt has failed, None before."""
        row = await self.row(delivery_id)
        return row if row["error"] else None

    async def ended(self, *ids: str) -> list[Any]:
        """The rows of deliveries once all have ended."""
        return await until(lambda: self._ended(ids))

    async def _ended(self, ids: tuple[str, ...]) -> list[Any]:
        rows = [await self.row(each) for each in ids]
        return rows if all(row["status"] != "waiting" for row in rows) else []


async def until(look: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """Looks until there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if seen := await look():
            return seen
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come about in time")


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    async with connected(database_url, pool_size=4) as database:
        await organisations.create_first(database, "main", "admin", Grant("administrator"), again=False)
        yield Office(database_url, database)
