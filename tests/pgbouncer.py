"""A real PgBouncer in transaction mode before the tests' Postgres, as it stands before a production one.

A test file that imports `database_url` and `pooler` from here has all of its Postgres traffic go through the pooler;
the schema comes from the template database, which is migrated over the direct URL.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres

_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_NOBODY = 65534
_CONFIGURATION = """
[databases]
* = host={host}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
admin_users = lorekeep
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 25
server_idle_timeout = 5
logfile =
pidfile =
"""


@pytest.fixture(scope="session")
def pooler(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running pooler; gives its address, as host:port."""
    if _PROGRAM is None:
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    folder = tmp_path_factory.mktemp("pgbouncer")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "users.txt").write_text('"lorekeep" ""\n')
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(_CONFIGURATION.format(host=postgres.folder, port=port, folder=folder))
    process = _started(configuration)
    try:
        _wait_until_listening(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture
def database_url(pooler: str, postgres: Postgres) -> Iterator[str]:
    """A fresh, migrated database, behind the pooler."""
    name = postgres.fresh()
    yield f"postgresql://lorekeep@{pooler}/{name}"
    postgres.drop(name)


def _started(configuration: Path) -> "subprocess.Popen[bytes]":
    """It refuses to run as root, so it runs as nobody there, who must be able to read its configuration."""
    user = _NOBODY if os.getuid() == 0 else None
    if user is not None:
        for each in (configuration.parent, *configuration.parent.iterdir()):
            os.chown(each, user, user)
        for parent in list(configuration.parents)[1:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
    return subprocess.Popen([str(_PROGRAM), "-q", str(configuration)], user=user, group=user, cwd="/tmp")


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"PgBouncer did not start (exit status {process.poll()})")
