"""Migrations: up, down and up again; once, whoever else migrates; steps outside a transaction resume."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from lorekeep_gateway.store import schema


async def _tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows}


async def test_the_house_goes_up_down_and_up_again(empty_database_url: str) -> None:
    assert [each.version for each in await schema.upgrade(empty_database_url)] == [1, 2, 3]
    built = await _tables(empty_database_url)
    assert {"organisations", "documents", "jobs", "audit_logs"} <= built
    assert await schema.upgrade(empty_database_url) == []
    assert [each.version for each in await schema.downgrade(empty_database_url, 3)] == [3, 2, 1]
    assert await _tables(empty_database_url) == {"schema_migrations"}
    assert [applied for _, applied in await schema.status(empty_database_url)] == [False, False, False]
    await schema.upgrade(empty_database_url)
    assert await _tables(empty_database_url) == built


async def test_create_makes_the_database_and_bears_being_repeated(empty_database_url: str) -> None:
    url = empty_database_url.replace("/test_", "/made_by_create_")
    assert [each.version for each in await schema.create(url)] == [1, 2, 3]
    assert await schema.create(url) == []
    assert "documents" in await _tables(url)


async def test_many_migrate_at_once_and_one_does(empty_database_url: str) -> None:
    done = await asyncio.gather(*(schema.upgrade(empty_database_url) for _ in range(4)))
    assert sorted(len(each) for each in done) == [0, 0, 0, len(schema.migrations())]


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


async def test_a_failed_migration_leaves_nothing_and_goes_on_later(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, "0001_first.up.sql", "create table first (id int);")
    _write(tmp_path, "0002_second.up.sql", "create table second (id int);\nselect nonsense;")
    with pytest.raises(asyncpg.UndefinedColumnError):
        await schema.upgrade(empty_database_url, folder=tmp_path)
    assert await _tables(empty_database_url) == {"schema_migrations", "first"}
    _write(tmp_path, "0002_second.up.sql", "create table second (id int);")
    assert [each.version for each in await schema.upgrade(empty_database_url, folder=tmp_path)] == [2]


async def test_steps_outside_a_transaction_resume(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, "0001_first.up.sql", "create table first (id int);")
    text = "-- no transaction\ncreate index concurrently if not exists first_ids\n  on first (id);\nselect nonsense;\n"
    _write(tmp_path, "0002_index.up.sql", text)
    with pytest.raises(asyncpg.UndefinedColumnError):
        await schema.upgrade(empty_database_url, folder=tmp_path)
    _write(tmp_path, "0002_index.up.sql", text.replace("select nonsense", "select 1"))
    assert [each.version for each in await schema.upgrade(empty_database_url, folder=tmp_path)] == [2]


async def test_post_steps_wait_for_the_new_code(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, "0001_first.up.sql", "create table first (id int, old int);")
    _write(tmp_path, "0002_drop_old.post.up.sql", "alter table first drop column old;")
    assert [e.version for e in await schema.upgrade(empty_database_url, steps=("pre",), folder=tmp_path)] == [1]
    assert [e.version for e in await schema.upgrade(empty_database_url, folder=tmp_path)] == [2]


async def test_a_database_that_is_further_on_is_fine_and_one_behind_is_not(database_url: str) -> None:
    known = {each.version for each in schema.migrations()}
    assert schema.missing(known | {9999}) == []
    assert schema.missing({1}) == ["0002_ingest", "0003_reading"]
