"""Converts one document by LibreOffice's own library, in a process of its own: it needs nothing else of this package.

The program `soffice` opens a socket in /tmp, where a child may not write. The library does not. Its interface is a
table of functions whose places never change: `LibreOfficeKit.h`.
"""

import ctypes
import os
import sys
from ctypes import CFUNCTYPE, c_char_p, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import TypeVar

_LIBRARIES = ("libmergedlo.so", "libsofficeapp.so")
_Table = TypeVar("_Table", bound=ctypes.Structure)


class _Office(ctypes.Structure):
    _fields_ = (
        ("size", c_size_t),
        ("destroy", CFUNCTYPE(None, c_void_p)),
        ("load", CFUNCTYPE(c_void_p, c_void_p, c_char_p)),
    )


class _Document(ctypes.Structure):
    _fields_ = (
        ("size", c_size_t),
        ("destroy", CFUNCTYPE(None, c_void_p)),
        ("save", CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, c_char_p)),
    )


def convert(folder: str, profile: str, source: str, target: str, suffix: str) -> bool:
    """Whether `target` was written. `folder` holds the library; all but it and `suffix` are addresses."""
    path = next((each for name in _LIBRARIES if (each := Path(folder, name)).exists()), None)
    if path is None:
        return False
    begin = ctypes.CDLL(str(path)).libreofficekit_hook_2
    begin.restype, begin.argtypes = c_void_p, [c_char_p, c_char_p]
    office = begin(folder.encode(), profile.encode())
    document = _functions(office, _Office).load(office, source.encode()) if office else None
    if not document:
        return False
    return bool(_functions(document, _Document).save(document, target.encode(), suffix.encode(), None))


def _functions(thing: int, table: type[_Table]) -> _Table:
    """The functions of a thing: its first word points at them."""
    return table.from_address(c_void_p.from_address(thing).value or 0)


if __name__ == "__main__":
    # Its threads outlive its work, so it is not asked to end.
    os._exit(0 if convert(*sys.argv[1:6]) else 1)
