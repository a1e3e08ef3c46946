"""The Postgres pool and its named queries.

SQL lies in `queries/*.sql` under names; code calls them through a Session. No session state and no prepared
statements are kept, so that everything works through PgBouncer in transaction mode.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from inspect import isasyncgen
from pathlib import Path
from typing import Any

import aiosql
import asyncpg
from opentelemetry.trace import SpanKind

from lorekeep_chassis import errors, tracing

_QUERIES = Path(__file__).parent / "queries"
_ACQUIRE_SECONDS = 5.0
_COMMAND_SECONDS = 30.0


class Session:
    """A connection with the named queries: `await session("document_by_id", id=...)`.

    A query's mark says what comes back: `name` a list of records, `name^` one record or None, `name$` one value,
    `name!` a status text, `name<!` what RETURNING gives.
    """

    def __init__(self, connection: Any, queries: Any) -> None:
        self._connection = connection
        self._queries = queries

    async def __call__(self, name: str, /, **parameters: Any) -> Any:
        with tracing.span(f"sql {name}", kind=SpanKind.CLIENT) as span:
            span.set_attribute("db.system.name", "postgresql")
            result = getattr(self._queries, name)(self._connection, **parameters)
            return [each async for each in result] if isasyncgen(result) else await result


class Database:
    """The pool. `connected` makes one; it opens connections when they are needed, so that start order is free."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._queries = aiosql.from_path(_QUERIES, "asyncpg", mandatory_parameters=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection, each statement its own transaction."""
        async with self._acquired() as connection:
            yield Session(connection, self._queries)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A connection in one transaction, rolled back when the body raises."""
        async with self._acquired() as connection, connection.transaction():
            yield Session(connection, self._queries)

    async def ping(self) -> None:
        """Unavailable where Postgres does not answer."""
        async with self._acquired() as connection:
            await connection.fetchval("select 1")

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Any]:
        try:
            connection = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise _unavailable() from error
        try:
            try:
                yield connection
            finally:
                await self._pool.release(connection)
        except (
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            asyncpg.OperatorInterventionError,
            asyncpg.InternalClientError,  # what asyncpg says of a connection that ended under a statement
        ) as error:
            raise _unavailable() from error


@asynccontextmanager
async def connected(url: str, pool_size: int) -> AsyncIterator[Database]:
    """A database at `url` with at most `pool_size` connections."""
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=pool_size,
        statement_cache_size=0,
        command_timeout=_COMMAND_SECONDS,
        max_inactive_connection_lifetime=300,
        init=_prepared,
        reset=_as_it_is,
    )
    await pool
    try:
        yield Database(pool)
    finally:
        try:
            await asyncio.wait_for(pool.close(), timeout=5)
        except TimeoutError:
            pool.terminate()


async def _prepared(connection: Any) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _as_it_is(_: Any) -> None:
    """No session state is ever made, so none is cleared: a query less for each loan of a connection."""


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("The database is not answering. Try again shortly.", retry_after_seconds=1.0)
