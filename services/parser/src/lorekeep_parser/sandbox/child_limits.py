"""How much a child may use: memory, processor time, files and their sizes, processes. `walls` puts them up."""

import ctypes
import os
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_CAPABILITY_VERSION_3 = 0x20080522
MEMORY_BYTES = 3 * 2**30
FILE_BYTES = 512 * 2**20
OPEN_FILES = 512
# Beyond all tasks of the machine at the child's start, since the kernel counts those of the user, whosever they are.
FURTHER_TASKS = 512
# The kernel's choice where memory runs out: a child before the processes that serve.
_FIRST_TO_GO = 800
_CPU_SECONDS_PER_FURTHER_PAGE = 3
PAGES_IN_BASE_TIME = 100
# What a document's own page count may add to its time is bounded, since the document is not to be believed.
MAX_PAGES_FOR_TIME = 5000
_SPARE_CPU_SECONDS = 10


def extra_seconds(pages_total: int) -> float:
    """Seconds that the pages beyond the first hundred add to a document's time."""
    return _CPU_SECONDS_PER_FURTHER_PAGE * max(0, min(pages_total, MAX_PAGES_FOR_TIME) - PAGES_IN_BASE_TIME)


def die_with_parent() -> None:
    """SIGKILL when the process that forked this one ends."""
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def be_unseen() -> None:
    """Other processes of the same user may not look into this one: its memory, environment and descriptors."""
    _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def drop_capabilities() -> None:
    """Being root is of no use from now on. OSError where the kernel refuses."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if _libc().capset(header, (ctypes.c_uint32 * 6)()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def impose(cpu_seconds: float) -> None:
    """Bounds what this process and those that it starts may use; no core files."""
    die_with_parent()
    os.umask(0o077)
    _be_first_to_go()
    hard = int(cpu_seconds + extra_seconds(MAX_PAGES_FOR_TIME)) + _SPARE_CPU_SECONDS
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_AS, MEMORY_BYTES)
    _bound(resource.RLIMIT_FSIZE, FILE_BYTES)
    _bound(resource.RLIMIT_NOFILE, OPEN_FILES)
    _bound(resource.RLIMIT_NPROC, _tasks_of_machine() + FURTHER_TASKS)
    _bound(resource.RLIMIT_CPU, int(cpu_seconds) + _SPARE_CPU_SECONDS, hard)


def _bound(what: int, soft: int, hard: int | None = None) -> None:
    """Never above what holds already, which a process without rights could not raise."""
    most = resource.getrlimit(what)[1]
    hard = soft if hard is None else hard
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(what, (soft, hard))


def _be_first_to_go() -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text(str(_FIRST_TO_GO))
    except OSError:
        return  # a container may have closed it: the kernel chooses by size then


def _tasks_of_machine() -> int:
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 32_768


def allow_pages(pages_total: int) -> None:
    """Raises the processor time by what the page count adds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY and soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_CPU, (min(hard, soft + int(extra_seconds(pages_total))), hard))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
