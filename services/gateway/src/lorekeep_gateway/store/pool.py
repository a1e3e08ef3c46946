"""Connections to Postgres, lent one at a time: kept up to a number, more while needed, none too old or dead."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from lorekeep_chassis import logs

_LOG = logs.logger(__name__)
_CONNECT_SECONDS = 5.0
_COMMAND_SECONDS = 30.0
_CLOSE_SECONDS = 5.0
_PING_SECONDS = 2.0
# A connection whose server has gone says so itself, at once. A ping finds those that died without a word, as behind a
# failover; one that was used a moment ago is not asked, for a busy process would ask before every statement.
_FRESH_SECONDS = 0.5


@dataclass(frozen=True)
class Limits:
    """`size` connections are kept, `overflow` more are opened while all are lent and closed when given back.

    A loan is waited for `timeout_seconds`. A connection older than `recycle_seconds` is closed when given back. With
    `pre_ping` one that was idle is asked first, and replaced where it is dead.
    """

    size: int
    overflow: int = 0
    timeout_seconds: float = 30.0
    recycle_seconds: float = 3600.0
    pre_ping: bool = True


class _Connection(asyncpg.Connection):
    """Knows when it was opened and last given back."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.opened = self.given_back = time.monotonic()

    def note_given_back(self, now: float) -> None:
        """Notes that it answered until now."""
        self.given_back = now


class Pool:
    """The connections of one process. `opened` makes one; Postgres need not answer yet."""

    def __init__(self, connections: Any, limits: Limits) -> None:
        self._connections = connections
        self._limits = limits

    @property
    def size(self) -> int:
        """Connections that are open now."""
        size: int = self._connections.get_size()
        return size

    async def borrow(self) -> Any:
        """A connection that works, to be given back. Each dead one that is met gives its place to a new one."""
        async with asyncio.timeout(self._limits.timeout_seconds):
            while True:
                connection = await self._connections.acquire()
                if await self._alive(connection):
                    return connection
                _LOG.warning("a dead connection is replaced")
                await self._connections.release(connection)

    async def give_back(self, connection: Any) -> None:
        """Takes a connection back; closes it where it is one too many or too old."""
        with suppress(asyncpg.InterfaceError, OSError):  # it ended under its borrower and has left the pool by itself
            if not connection.is_closed():
                await self._kept_or_closed(connection)
        await self._connections.release(connection)

    async def _kept_or_closed(self, connection: Any) -> None:
        now = time.monotonic()
        connection.note_given_back(now)
        if self.size > self._limits.size or now - connection.opened > self._limits.recycle_seconds:
            await connection.close(timeout=_CLOSE_SECONDS)

    async def _alive(self, connection: Any) -> bool:
        """Whether a connection answers; one that does not is closed."""
        if not self._limits.pre_ping or time.monotonic() - connection.given_back < _FRESH_SECONDS:
            return True
        try:
            await connection.fetchval("select 1", timeout=_PING_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            with suppress(asyncpg.InterfaceError):  # it has left the pool by itself
                connection.terminate()
            return False
        except BaseException:
            await self._connections.release(connection)
            raise
        return True


@asynccontextmanager
async def opened(url: str, limits: Limits) -> AsyncIterator[Pool]:
    """A pool, closed at the end. Connections are opened as they are needed."""
    connections = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=limits.size + limits.overflow,
        max_queries=2**62,  # age is bounded by time, see Limits
        timeout=_CONNECT_SECONDS,
        statement_cache_size=0,
        command_timeout=_COMMAND_SECONDS,
        max_inactive_connection_lifetime=300,
        connection_class=_Connection,
        init=_prepared,
        reset=_as_it_is,
    )
    await connections
    try:
        yield Pool(connections, limits)
    finally:
        try:
            await asyncio.wait_for(connections.close(), timeout=_CLOSE_SECONDS)
        except TimeoutError:
            connections.terminate()


async def _prepared(connection: Any) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _as_it_is(_: Any) -> None:
    """No session state is ever made, so none is cleared: a query less for each loan of a connection."""
