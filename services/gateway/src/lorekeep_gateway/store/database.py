"""The Postgres pool and its named queries.

SQL lies in `queries/*.sql` under names; code calls them through a Session. No session state and no prepared
statements are kept, so that everything works through PgBouncer in transaction mode.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from inspect import isasyncgen
from pathlib import Path
from typing import Any

import aiosql
import asyncpg
from opentelemetry.trace import SpanKind

from lorekeep_chassis import errors, tracing
from lorekeep_gateway.settings import StoreSettings
from lorekeep_gateway.store.pool import Limits, Pool, opened

_QUERIES = Path(__file__).parent / "queries"


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

    def __init__(self, pool: Pool) -> None:
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
            connection = await self._pool.borrow()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise _unavailable() from error
        try:
            try:
                yield connection
            finally:
                await self._pool.give_back(connection)
        except (
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            asyncpg.OperatorInterventionError,
            asyncpg.InternalClientError,  # what asyncpg says of a connection that ended under a statement
            asyncpg.TransactionRollbackError,  # lost a deadlock: nothing of it was written, and a repeat may do it all
        ) as error:
            raise _unavailable() from error


@asynccontextmanager
async def connected(url: str, pool_size: int, **limits: Any) -> AsyncIterator[Database]:
    """A database at `url` with `pool_size` connections; `limits` are further fields of the pool's Limits."""
    async with opened(url, Limits(pool_size, **limits)) as pool:
        yield Database(pool)


def connected_by(settings: StoreSettings) -> AbstractAsyncContextManager[Database]:
    """The database that the settings name."""
    return connected(
        settings.database_url.get_secret_value(),
        settings.db_pool_size,
        overflow=settings.db_max_overflow,
        timeout_seconds=settings.db_pool_timeout,
        recycle_seconds=settings.db_pool_recycle,
        pre_ping=settings.db_pool_pre_ping,
    )


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("The database is not answering. Try again shortly.", retry_after_seconds=1.0)
