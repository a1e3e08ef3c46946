"""What the kernel knows of processes, and how they are ended: by number, and only while the number is still theirs."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

MARK = "LOREKEEP_SUITE"
_PROC = Path("/proc")
_STATE, _PARENT, _THREADS, _STARTED = 0, 1, 17, 19
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def started(pid: int) -> int:
    """When a process was started, in the kernel's ticks since boot; 0 where there is none or only its remains."""
    facts = _facts(pid)
    # A dead first thread is only remains once no other thread holds the process's sockets open.
    is_gone = not facts or (facts[_STATE] in "ZX" and int(facts[_THREADS]) <= 1)
    return 0 if is_gone else int(facts[_STARTED])


def is_alive(pid: int, since: int) -> bool:
    """Whether the process that was started as `pid` at `since` still runs, and the number was not given again."""
    return since > 0 and started(pid) == since


def descendants(pid: int) -> list[int]:
    """The children of a process, theirs, and so on."""
    parents = {each: int(facts[_PARENT]) for each in _pids() if (facts := _facts(each))}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def marked(mark: str) -> list[int]:
    """Processes whose environment carries exactly this mark, or one below it where it ends with a colon."""
    wanted = f"{MARK}={mark}".encode()
    return [pid for pid in _pids() if pid != os.getpid() and any(_matches(e, wanted) for e in _environment(pid))]


def pss_bytes(pid: int) -> int:
    """Memory of a process and all below it, shared pages divided among those that share them."""
    return sum(own_pss_bytes(each) for each in (pid, *descendants(pid)))


def own_pss_bytes(pid: int) -> int:
    """Memory of one process without its children; 0 where it has gone or is not ours to look at."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except _GONE:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def send(pid: int, number: int) -> None:
    """Signals a process; nothing happens where it has gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_group(pid: int) -> None:
    """Ends what is left of a process that led a group: the group, and everything below it."""
    below = descendants(pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for each in below:
        send(each, signal.SIGKILL)


def end(wanted: Iterable[tuple[int, int, int]], seconds: float) -> None:
    """Ends processes given as (pid, started, signal): asks, waits, and kills what is left after `seconds`."""
    left = [each for each in wanted if is_alive(each[0], each[1])]
    for pid, _, number in left:
        send(pid, number)
    left = _outlasting(left, seconds)
    for pid, _, _ in left:
        kill_group(pid)
    _outlasting(left, 5)


def _outlasting(wanted: list[tuple[int, int, int]], seconds: float) -> list[tuple[int, int, int]]:
    until = time.monotonic() + seconds
    while (left := [each for each in wanted if is_alive(each[0], each[1])]) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _facts(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks and brackets."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except _GONE:
        return []


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except _GONE:
        return []


def _matches(entry: bytes, wanted: bytes) -> bool:
    return entry.startswith(wanted) if wanted.endswith(b":") else entry == wanted
