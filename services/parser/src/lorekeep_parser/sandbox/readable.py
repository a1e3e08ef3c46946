"""What a child may read beside its own scratch directory: programs, libraries, their data, and what the machine says of
itself. No other document, nobody's home, no secrets that are mounted."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_PROGRAMS = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix/store", "/var/cache/fontconfig",
    "/var/lib/libreoffice", "/var/spool/libreoffice",
)  # fmt: skip
# Of /etc no more than libraries look up: names of users and of machines, but no keys.
_FACTS = (
    "alternatives", "fonts", "group", "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "ld.so.preload", "libreoffice", "locale.alias", "locale.conf", "localtime", "machine-id", "mime.types",
    "nsswitch.conf", "os-release", "papersize", "passwd", "timezone",
)  # fmt: skip
# What others keep in /proc is guarded by the kernel itself: no child sees memory, environment or descriptors there.
_MACHINE = (
    "/proc", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm", "/dev/zero", "/dev/full", "/dev/random",
    "/dev/urandom",
)  # fmt: skip
# Variables that name a place of data, or several.
_NAMED = ("HF_HOME", "HF_HUB_CACHE", "LD_LIBRARY_PATH", "PATH", "TESSDATA_PREFIX", "VIRTUAL_ENV")


def places() -> list[str]:
    """Every place that is there, links followed, but for those that hold all that a user has."""
    closed = {"/", "/root", "/home", *map(str, _home()), *map(str, _working_directory())}
    real = dict.fromkeys(map(os.path.realpath, _wanted()))
    return [each for each in real if each not in closed and os.access(each, os.R_OK)]


def beside(scratch: Path, found: Iterable[str]) -> list[str]:
    """Those that do not hold the directory in which other documents lie."""
    above = {str(each) for each in scratch.resolve().parents}
    return [each for each in found if each not in above]


def _wanted() -> Iterator[str]:
    yield from _PROGRAMS
    yield from (f"/etc/{each}" for each in _FACTS)
    yield from _MACHINE
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(sys.executable).parent))
    yield from (each for each in sys.path if each)
    # The directories of packages that are reached by other ways than sys.path.
    yield str(Path(__file__).parent)
    for name in _NAMED:
        yield from (each for each in os.environ.get(name, "").split(os.pathsep) if each.startswith("/"))
    yield from (str(each / ".cache" / "huggingface") for each in _home())


def _home() -> list[Path]:
    try:
        return [Path.home().resolve()]
    except RuntimeError:
        return []


def _working_directory() -> list[Path]:
    """Python puts it into its path; that it was started there says nothing of what lies there."""
    try:
        return [Path.cwd()]
    except OSError:
        return []
