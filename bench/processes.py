"""What processes of a suite cost: CPU seconds by role, and memory as it goes."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.suite import Suite

from lorekeep_chassis.suite import processes
from lorekeep_chassis.suite.home import Home
from lorekeep_chassis.suite.state import Record, State

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _END_OF_TIMES = 11, 15
_SAMPLE_SECONDS = 0.5
MEBIBYTE = 1024 * 1024


def records(suite: Suite) -> list[Record]:
    """The processes of a suite."""
    return State.read(Home(suite.home).state_file).processes


def cpu_seconds(suite: Suite) -> dict[str, float]:
    """CPU time that each role has used so far, with all its children, those that ended too."""
    spent: defaultdict[str, float] = defaultdict(float)
    for record in records(suite):
        spent[record.role] += sum(_own_seconds(pid) for pid in (record.pid, *processes.descendants(record.pid)))
    return spent


def _own_seconds(pid: int) -> float:
    """User and system time of a process and of its children that were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(each) for each in fields[_USER:_END_OF_TIMES]) / _TICKS


@dataclass
class Memory:
    """Resident bytes by role, sampled: (seconds since the beginning, bytes)."""

    samples: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))

    def peak_mib(self, role: str) -> float:
        """The highest sample."""
        return round(max(size for _, size in self.samples[role]) / MEBIBYTE, 1)

    def slope_mib_a_minute(self, role: str) -> float:
        """Growth over the second half, as a least-squares line: what comes up at the start is no leak."""
        points = self.samples[role][len(self.samples[role]) // 2 :]
        middle = sum(at for at, _ in points) / len(points)
        mean = sum(size for _, size in points) / len(points)
        spread = sum((at - middle) ** 2 for at, _ in points) or 1.0
        return round(sum((at - middle) * (size - mean) for at, size in points) / spread * 60 / MEBIBYTE, 2)


@contextmanager
def sampled(suite: Suite, roles: tuple[str, ...]) -> Iterator[Memory]:
    """Samples the resident memory of the first process of each role while inside."""
    pids = {role: next(each.pid for each in records(suite) if each.role == role) for role in roles}
    memory, ending, begun = Memory(), threading.Event(), time.monotonic()

    def sample() -> None:
        while not ending.wait(_SAMPLE_SECONDS):
            for role, pid in pids.items():
                memory.samples[role].append((time.monotonic() - begun, _resident_bytes(pid)))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        ending.set()
        thread.join()


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
