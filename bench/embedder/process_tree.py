"""What a server costs: CPU seconds of its whole process tree, and its memory."""

import os
from pathlib import Path

from lorekeep_chassis.suite.processes import descendants

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _END_OF_TIMES = 11, 15
_KIBIBYTES_A_MEBIBYTE = 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of all its children, those that ended and were waited for too."""
    return sum(_own_seconds(each) for each in (pid, *descendants(pid)))


def resident_mib(pid: int) -> float:
    """Resident memory of the process and of its children; pages that they share count for each."""
    return sum(_status(each, "VmRSS") for each in (pid, *descendants(pid)))


def peak_mib(pid: int) -> float:
    """The most that the process itself ever had resident."""
    return _status(pid, "VmHWM")


def _own_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(each) for each in fields[_USER:_END_OF_TIMES]) / _TICKS


def _status(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0) / _KIBIBYTES_A_MEBIBYTE
