"""suite.json: what runs, written by the supervisor at every change and read by everybody else."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lorekeep_chassis.suite import processes
from lorekeep_chassis.suite.home import write_privately


@dataclass
class Record:
    """One process. `state` is waiting, starting, ready, restarting or ended; `started` tells its pid from a reused one.

    `started` is in the kernel's ticks since boot, `restarts` counts since the suite was started.
    """

    name: str
    role: str
    probe: str
    port: int
    stop_signal: int
    state: str = "waiting"
    pid: int = 0
    started: int = 0
    restarts: int = 0

    def begin(self, pid: int) -> None:
        """Notes a fresh process."""
        self.pid, self.started, self.state = pid, processes.started(pid), "starting"

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return processes.is_alive(self.pid, self.started)


@dataclass
class State:
    """A suite as a whole. `phase` is starting, ready, stopping, failed or down; `failure` says why it failed.

    `database_url` is the embedded database, for commands that speak to it; empty where there is none. `ports` outlives
    the suite, so that it comes back where it was; `notes` are lines for whoever started it.
    """

    home: str
    url: str = ""
    key_file: str = ""
    database_url: str = ""
    phase: str = "down"
    failure: str = ""
    failure_log: str = ""
    supervisor_pid: int = 0
    supervisor_started: int = 0
    ports: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    processes: list[Record] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "State":
        """The state in `file`; that of a suite that is down where there is none."""
        if not file.exists():
            return cls(home=str(file.parent))
        facts = json.loads(file.read_text())
        return cls(**facts | {"processes": [Record(**each) for each in facts["processes"]]})

    def write(self, file: Path) -> None:
        """Replaces `file` in one step."""
        write_privately(file, json.dumps(asdict(self), indent=1))

    def begin(self, records: list[Record], notes: Sequence[str]) -> None:
        """Notes this process as the supervisor of a suite that is starting."""
        self.notes = list(notes)
        self.supervisor_pid, self.supervisor_started = os.getpid(), processes.started(os.getpid())
        self.phase, self.failure, self.failure_log, self.processes = "starting", "", "", records

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor that wrote this still runs; a stale file says no."""
        return processes.is_alive(self.supervisor_pid, self.supervisor_started)
