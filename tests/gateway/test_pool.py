"""Connections to Postgres: how many are kept, when they are replaced, what becomes of dead ones."""

import asyncio
import socket

import asyncpg
import pytest

from lorekeep_chassis import errors
from lorekeep_gateway.store.database import connected
from lorekeep_gateway.store.pool import Limits, opened


async def _open(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        found: int = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    return found


async def test_no_more_than_pool_and_overflow_are_lent_and_the_overflow_is_closed(database_url: str) -> None:
    async with opened(database_url, Limits(2, overflow=1, timeout_seconds=0.1)) as pool:
        lent = [await pool.borrow() for _ in range(3)]
        with pytest.raises(TimeoutError):
            await pool.borrow()
        for each in lent:
            await pool.give_back(each)
        assert pool.size == 2
        again = [await pool.borrow() for _ in range(3)]
        assert pool.size == 3
        for each in again:
            await pool.give_back(each)


async def test_a_request_that_waits_too_long_for_a_connection_is_told_so(database_url: str) -> None:
    async with connected(database_url, 1, timeout_seconds=0.1) as database, database.session():
        with pytest.raises(errors.Unavailable):
            async with database.session():
                pass


async def test_who_waits_gets_the_connection_that_is_given_back(database_url: str) -> None:
    async with connected(database_url, 1) as database:
        async with database.session():
            waiting = asyncio.create_task(database.ping())
            await asyncio.sleep(0)
        await waiting
    assert await _open(database_url) == 0


async def test_an_old_connection_is_replaced_when_it_is_given_back(database_url: str) -> None:
    async with opened(database_url, Limits(2, recycle_seconds=3600)) as pool:
        connection = await pool.borrow()
        pid = connection.get_server_pid()
        await pool.give_back(connection)
        connection = await pool.borrow()
        assert connection.get_server_pid() == pid
        connection._con.opened -= 3601
        await pool.give_back(connection)
        assert pool.size == 0
        connection = await pool.borrow()
        assert connection.get_server_pid() != pid
        await pool.give_back(connection)


@pytest.mark.parametrize("pre_ping", [True, False])
async def test_a_dead_connection_is_replaced_before_the_request_fails(database_url: str, pre_ping: bool) -> None:
    """Its socket is shut without a word, and it was idle for long enough to be asked."""
    async with opened(database_url, Limits(1, pre_ping=pre_ping)) as pool:
        connection = await pool.borrow()
        pid, inner = connection.get_server_pid(), connection._con
        await pool.give_back(connection)
        inner.given_back -= 10
        inner._transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        connection = await pool.borrow()
        assert (connection.get_server_pid() != pid) is pre_ping
        await pool.give_back(connection)


async def test_a_connection_that_ends_under_a_statement_leaves_the_pool(database_url: str) -> None:
    async with connected(database_url, 1) as database:
        with pytest.raises(errors.Unavailable):
            async with database.session() as session:
                await session._connection.execute("select pg_terminate_backend(pg_backend_pid())")
        await database.ping()
