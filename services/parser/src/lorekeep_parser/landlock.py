"""Where a child may write, whom it may signal, whose memory it may see: its own scratch directory, itself, and itself.

Landlock lets a process take rights from itself without being root. Kernels since 5.13 have it, 6.12 and newer hold
signals and abstract sockets as well. Reading stays open: what a user's processes may read is the container's matter.
"""

import ctypes
import os
import struct
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _TRUNCATE, _REFER = 1 << 1, 1 << 14, 1 << 13
# Removing directories and files; making devices, directories, files, sockets, pipes and links.
_CHANGES = sum(1 << bit for bit in range(4, 13))
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract sockets, signals
_NET_SINCE, _SCOPES_SINCE, _REFER_SINCE, _TRUNCATE_SINCE = 4, 6, 2, 3


def version() -> int:
    """Which Landlock the kernel has; 0: none."""
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def confine(scratch: Path) -> None:
    """Lets this process write below `scratch` and to /dev/null alone; OSError where the kernel refuses. Needs
    no_new_privs."""
    kind = version()
    rights = _WRITE_FILE | _CHANGES
    rights |= _REFER if kind >= _REFER_SINCE else 0
    rights |= _TRUNCATE if kind >= _TRUNCATE_SINCE else 0
    handled = struct.pack("=Q", rights)
    handled += struct.pack("=Q", _TCP) if kind >= _NET_SINCE else b""
    handled += struct.pack("=Q", _SCOPES) if kind >= _SCOPES_SINCE else b""
    ruleset = _call(_CREATE_RULESET, handled, len(handled), 0)
    try:
        _allow(ruleset, scratch, rights)
        _allow(ruleset, Path(os.devnull), rights & (_WRITE_FILE | _TRUNCATE))
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(libc.syscall(ctypes.c_long(number), *given))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
