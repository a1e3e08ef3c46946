"""Where a child may write and read, whom it may signal, whose memory it may see: its own scratch directory, programs
and their data, itself, and itself.

Landlock lets a process take rights from itself without being root. Kernels since 5.13 have it, 6.12 and newer hold
signals and abstract sockets as well. Which places may be read is said in `readable`.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _TRUNCATE, _REFER = 1 << 1, 1 << 14, 1 << 13
_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_LOOK = _EXECUTE | _READ_FILE | _READ_FOLDER
# Removing directories and files; making devices, directories, files, sockets, pipes and links.
_CHANGES = sum(1 << bit for bit in range(4, 13))
_OF_A_FILE = _EXECUTE | _READ_FILE | _WRITE_FILE | _TRUNCATE
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract sockets, signals
_NET_SINCE, _SCOPES_SINCE, _REFER_SINCE, _TRUNCATE_SINCE = 4, 6, 2, 3


def version() -> int:
    """Which Landlock the kernel has; 0: none."""
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def confine(scratch: Path, readable: Iterable[str]) -> None:
    """Lets this process write below `scratch` and to /dev/null alone, and read there and below `readable`, from where
    alone it may start programs; OSError where the kernel refuses. Needs no_new_privs."""
    kind = version()
    rights = _WRITE_FILE | _CHANGES | _LOOK
    rights |= _REFER if kind >= _REFER_SINCE else 0
    rights |= _TRUNCATE if kind >= _TRUNCATE_SINCE else 0
    handled = struct.pack("=Q", rights)
    handled += struct.pack("=Q", _TCP) if kind >= _NET_SINCE else b""
    handled += struct.pack("=Q", _SCOPES) if kind >= _SCOPES_SINCE else b""
    ruleset = _call(_CREATE_RULESET, handled, len(handled), 0)
    try:
        _allow(ruleset, str(scratch), rights & ~_EXECUTE)
        _allow(ruleset, os.devnull, rights & (_WRITE_FILE | _TRUNCATE | _READ_FILE))
        for each in readable:
            with suppress(FileNotFoundError, PermissionError):  # gone since, or not this user's: closed all the more
                _allow(ruleset, each, _LOOK)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_A_FILE
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
