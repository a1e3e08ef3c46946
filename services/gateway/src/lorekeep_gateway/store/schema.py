"""The schema's migrations: numbered SQL files, run once, in order, by one process at a time.

`NNNN_name.up.sql` goes forward and `NNNN_name.down.sql` back; with `.post` before the direction a migration waits for
the code that no longer needs what it takes away (`0007_drop_old.post.up.sql`), so that a rolling update runs `pre`
steps first, then the new code, then `post` steps. A file runs in a transaction of its own together with the row that
records it, unless its first line is `-- no transaction`: then its statements, each ended by a semicolon at the end of
a line, run one by one and must bear being repeated (`create index concurrently if not exists`).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

_FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_(\w+?)(?:\.(pre|post))?\.up\.sql")
_LOCK = 0x6C6F72656B656570  # "lorekeep"
_LOCK_POLL_SECONDS = 0.2
_CONNECT_SECONDS = 10.0
_RECORDS = """
create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
)
"""


@dataclass(frozen=True)
class Migration:
    """One step of the schema, by number; `up` and `down` are files."""

    version: int
    name: str
    step: str
    up: Path
    down: Path


def migrations(folder: Path = _FOLDER) -> list[Migration]:
    """All migrations in order."""
    found = []
    for path in sorted(folder.glob("*.up.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name} is not named like 0001_name.up.sql or 0001_name.post.up.sql")
        down = path.with_name(path.name.replace(".up.sql", ".down.sql"))
        found.append(Migration(int(match[1]), match[2], match[3] or "pre", path, down))
    return found


async def create(url: str) -> list[Migration]:
    """Creates the database of `url` where it is missing, then upgrades it."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    connection = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")), timeout=_CONNECT_SECONDS)
    try:
        if not await connection.fetchval("select true from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name.replace(chr(34), chr(34) * 2)}"')
    except asyncpg.DuplicateDatabaseError:
        pass  # another process was quicker
    finally:
        await connection.close()
    return await upgrade(url)


async def upgrade(url: str, *, steps: Sequence[str] = ("pre", "post"), folder: Path = _FOLDER) -> list[Migration]:
    """Applies what is missing, one migration after another; gives those that it applied. Idempotent."""
    done = []
    async with _locked(url) as connection:
        applied = await _applied(connection)
        for each in migrations(folder):
            if each.version not in applied and each.step in steps:
                record = "insert into schema_migrations (version, name) values ($1, $2)"
                await _run(connection, each.up, record, each.version, each.name)
                done.append(each)
    return done


async def downgrade(url: str, count: int, *, folder: Path = _FOLDER) -> list[Migration]:
    """Takes the last `count` applied migrations back, the latest first; gives them."""
    done: list[Migration] = []
    async with _locked(url) as connection:
        applied = await _applied(connection)
        for each in [each for each in reversed(migrations(folder)) if each.version in applied][:count]:
            await _run(connection, each.down, "delete from schema_migrations where version = $1", each.version)
            done.append(each)
    return done


async def status(url: str, *, folder: Path = _FOLDER) -> list[tuple[Migration, bool]]:
    """Every migration, and whether it is applied."""
    connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS)
    try:
        applied = await _applied(connection)
    finally:
        await connection.close()
    return [(each, each.version in applied) for each in migrations(folder)]


def missing(applied: set[int]) -> list[str]:
    """What this code needs and `applied` lacks: `pre` steps; a database that is further on is fine."""
    return [f"{m.version:04d}_{m.name}" for m in migrations() if m.step == "pre" and m.version not in applied]


async def _run(connection: Any, path: Path, record: str, *values: object) -> None:
    text = await asyncio.to_thread(path.read_text, encoding="utf-8")
    if text.splitlines()[0].strip() == "-- no transaction":
        for statement in _statements(text):
            await connection.execute(statement)
        await connection.execute(record, *values)
        return
    async with connection.transaction():
        await connection.execute(text)
        await connection.execute(record, *values)


def _statements(text: str) -> list[str]:
    """The statements of a file; one to a call, since several would share an implicit transaction."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [each.strip() for each in re.split(r";\s*(?:\n|$)", lines) if each.strip()]


@asynccontextmanager
async def _locked(url: str) -> AsyncIterator[Any]:
    """A connection that alone migrates. Polling, since a wait inside Postgres would hold up concurrent index builds."""
    connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS)
    try:
        while not await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        await connection.execute(_RECORDS)
        yield connection
    finally:
        await connection.close()


async def _applied(connection: Any) -> set[int]:
    if not await connection.fetchval("select to_regclass('schema_migrations') is not null"):
        return set()
    return {row["version"] for row in await connection.fetch("select version from schema_migrations")}
