"""What a child may use. The natural place for more walls (seccomp, dumpable) as they come."""

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_MEMORY_BYTES = 3 * 2**30
_FILE_BYTES = 512 * 2**20
_CPU_SECONDS_PER_FURTHER_PAGE = 3
PAGES_IN_BASE_TIME = 100
# What a document's own page count may add to its time is bounded, since the document is not to be believed.
MAX_PAGES_FOR_TIME = 5000


def extra_seconds(pages_total: int) -> float:
    """Seconds that the pages beyond the first hundred add to a document's time."""
    return _CPU_SECONDS_PER_FURTHER_PAGE * max(0, min(pages_total, MAX_PAGES_FOR_TIME) - PAGES_IN_BASE_TIME)


def die_with_parent() -> None:
    """SIGKILL when the process that forked this one ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def impose(cpu_seconds: float) -> None:
    """Bounds memory, file sizes and processor time of this process and of those it starts; no core files."""
    die_with_parent()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    hard = int(cpu_seconds + extra_seconds(MAX_PAGES_FOR_TIME)) + 10
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_seconds) + 10, hard))


def allow_pages(pages_total: int) -> None:
    """Raises the processor time by what the page count adds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY and soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_CPU, (min(hard, soft + int(extra_seconds(pages_total))), hard))
