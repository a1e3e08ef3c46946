"""The whole suite as real processes, started as an operator starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

Found = TypeVar("Found")
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LOREKEEP_TEST_DATA") or ROOT.parent / "shared" / "data")
# What `make up` installs, where it is there: a package that only the tests have shall not help.
PYTHON = next((str(path) for path in [ROOT / ".venv/bin/python"] if path.exists()), sys.executable)


class Suite:
    """A running suite: its home, its address, its administrator's key."""

    def __init__(self, home: Path, port: int, environment: dict[str, str]) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {**os.environ, **environment, "LOREKEEP_HOME": str(home), "LOREKEEP_PORT": str(port)}

    @property
    def key(self) -> str:
        return (self.home / "admin.key").read_text().strip()

    def verb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `python -m lorekeep_chassis.suite ARGUMENTS`, as make does."""
        return self._run("lorekeep_chassis.suite", *arguments)

    def lorekeep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `lorekeep ARGUMENTS`."""
        return self._run("lorekeep_sdk", *arguments)

    def lorekeep_begun(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts `lorekeep ARGUMENTS` and goes on; nobody reads what it prints."""
        command, quiet = [PYTHON, "-m", "lorekeep_sdk", *arguments], subprocess.DEVNULL
        return subprocess.Popen(command, env=self._environment, stdout=quiet, stderr=quiet)

    def client(self, key: str | None = None) -> httpx.Client:
        """An HTTP client with the administrator's key, or another."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def processes(self) -> list[dict[str, Any]]:
        """What `status --json` says of each process."""
        found: list[dict[str, Any]] = json.loads(self.verb("status", "--json").stdout)["processes"]
        return found

    def terminate_one(self, role: str) -> int:
        """Sends SIGTERM to the first process of a role; gives its id."""
        pid = next(int(each["pid"]) for each in self.processes() if each["role"] == role)
        os.kill(pid, signal.SIGTERM)
        return pid

    def _run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [PYTHON, "-m", module, *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=600, check=False)


@contextmanager
def running(home: Path, **environment: str) -> Iterator[Suite]:
    """A suite on free ports inside; ended by its own verb."""
    suite = Suite(home, _free_port(), environment)
    try:
        started = suite.verb("up")
        assert started.returncode == 0, started.stdout + started.stderr
        yield suite
    finally:
        ended = suite.verb("down")
        assert ended.returncode == 0, ended.stdout + ended.stderr


def eventually(attempt: Callable[[], Found], *, seconds: float = 60) -> Found:
    """The first truthy result of `attempt`; fails after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        found = attempt()
        if found:
            return found
        assert time.monotonic() < until, f"not so within {seconds} s: {found!r}"
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
