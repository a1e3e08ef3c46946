"""LOREKEEP_HOME: the folder that holds all state of a local suite, its secrets and its logs."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class Home:
    """data/ is kept for ever, logs/ is rotated, run/ lives as long as the suite runs."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.data, self.logs, self.run = self.path / "data", self.path / "logs", self.path / "run"
        self.key_file = self.path / "admin.key"
        self.state_file = self.path / "suite.json"
        self._tokens_file = self.path / "tokens.json"
        self._lock_file = self.path / "suite.lock"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Home":
        """The home that LOREKEEP_HOME names, `.lorekeep` by default."""
        return cls(Path(environ.get("LOREKEEP_HOME") or ".lorekeep"))

    @property
    def tag(self) -> str:
        """A short name that no other home on this machine has."""
        return hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:8]

    def mark(self, name: str) -> str:
        """What the environment of process `name` and of all its children carries, so that none is ever lost."""
        return f"{self.path}:{name}"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Makes what is missing, closed to other accounts; a folder that stood here before keeps its mode."""
        for folder in (self.path, self.data, self.logs, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def tokens(self, names: Iterable[str]) -> dict[str, str]:
        """A service token per name, 64 hex digits, made once and then kept."""
        known = json.loads(self._tokens_file.read_text()) if self._tokens_file.exists() else {}
        wanted = {name: known.get(name) or secrets.token_hex(32) for name in names}
        if not wanted.items() <= known.items():
            write_privately(self._tokens_file, json.dumps(known | wanted))
        return wanted

    def short_folders(self) -> list[Path]:
        """Where sockets go when the path of run/ is too long for the kernel: folders for temporary files."""
        name = f"lorekeep-{os.geteuid()}-{self.tag}"
        return [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 - its owner is checked

    def clear_run(self) -> None:
        """Removes run/ and what stood in for it, with all in them."""
        for folder in (self.run, *self.short_folders()):
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def held(self, seconds: float = 0) -> Iterator[bool]:
        """Holds the home for one supervisor; False where another one does, also after `seconds`.

        The kernel frees it with the process.
        """
        until = time.monotonic() + seconds
        with self._lock_file.open("a") as file:
            while not (locked := _locked(file.fileno())) and time.monotonic() < until:
                time.sleep(0.05)
            yield locked

    def is_held(self) -> bool:
        """Whether a supervisor runs here."""
        if not self._lock_file.exists():
            return False
        with self.held() as free:
            return not free


def write_privately(path: Path, text: str) -> None:
    """Replaces a file in one step; only its owner may read it."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
