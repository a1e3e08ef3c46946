"""The ingest role through PgBouncer in transaction mode: every transaction may meet another server connection."""

import asyncio

from tests.ingest import test_flips, test_queue, test_way
from tests.ingest.bench import Bench, book, plain
from tests.pgbouncer import database_url, pooler

from lorekeep_gateway.ingest.chores import Chores
from lorekeep_gateway.store.database import Database, connected

__all__ = ["database_url", "pooler"]

# What these files test over a direct connection holds through the pooler as well.
for _file in (test_flips, test_queue, test_way):
    globals().update({name: value for name, value in vars(_file).items() if name.startswith("test_")})


async def test_many_documents_pass_two_workers_at_once(bench: Bench) -> None:
    collection = await bench.collection()
    many = [await bench.document(collection, book(3, f"text {number}")) for number in range(12)]
    async with bench.working(), bench.working():
        jobs = await asyncio.gather(*(bench.ended(ids) for ids in many))
    assert {job["status"] for job in jobs} == {"succeeded"}
    expected = {ids["version_id"]: plain(book(3, f"text {number}")) for number, ids in enumerate(many)}
    assert await bench.visible(collection) == expected


async def test_a_server_connection_serves_many_clients_and_keeps_nothing_of_them(bench: Bench) -> None:
    """More clients than server connections, all at once: none finds a statement or a setting of another."""

    async def client(database: Database, number: int) -> None:
        async with database.transaction() as session:
            await session("worker_seen", name=f"w{number}", version="1", concurrency=1, running=0, draining=False)
            await session("workers_alive")

    async with connected(bench.settings.database_url.get_secret_value(), 60) as database:
        await asyncio.gather(*(client(database, number) for number in range(200)))
    assert len(await bench.sql("select from workers")) == 200
    assert await bench.sql("select from pg_prepared_statements") == []
    assert len(await bench.sql("select from pg_stat_activity where datname = current_database()")) <= 25


async def test_the_janitor_and_chores_go_through_the_pooler(bench: Bench) -> None:
    async def done() -> dict[str, int]:
        return {"done": 1}

    await bench.ingest().janitor.round()
    assert await Chores(bench.database).due("count", every_seconds=60, lease_seconds=60, run=done)
    assert {row["name"] for row in await bench.sql("select name from chores")} == {"retention", "count"}
