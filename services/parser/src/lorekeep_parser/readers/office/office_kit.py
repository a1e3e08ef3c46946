"""Converts one document by LibreOffice's own library, in a process of its own: it needs nothing else of this package.

The program `soffice` opens a socket in /tmp, where a child may not write. The library does not. Its interface is a
table of functions whose places never change: `LibreOfficeKit.h`. That interface opens a document in a window, for which
installations without a screen lack files as soon as there is a comment. A macro of the fresh profile opens it hidden.
"""

import ctypes
import os
import sys
from ctypes import CFUNCTYPE, c_char_p, c_int, c_size_t, c_void_p
from pathlib import Path
from urllib.parse import unquote, urlsplit

DONE, UNREADABLE, UNUSABLE = 0, 1, 2
_LIBRARIES = ("libmergedlo.so", "libsofficeapp.so")
_BEFORE_RUN_MACRO = 10

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_LIBRARY = "http://openoffice.org/2000/library"
# Macros of the document are never run, and what it links to is not fetched (both: 0).
_MACRO = """Sub Convert
  Dim opening(2) As New com.sun.star.beans.PropertyValue
  opening(0).Name = "Hidden"
  opening(0).Value = True
  opening(1).Name = "MacroExecutionMode"
  opening(1).Value = 0
  opening(2).Name = "UpdateDocMode"
  opening(2).Value = 0
  Dim saving(0) As New com.sun.star.beans.PropertyValue
  saving(0).Name = "FilterName"
  saving(0).Value = "{kind}"
  opened = StarDesktop.loadComponentFromURL("{source}", "_blank", 0, opening())
  opened.storeToURL("{target}", saving())
  opened.close(True)
End Sub"""
_PROFILE = {
    "script.xlc": f'<library:libraries xmlns:library="{_LIBRARY}" xmlns:xlink="http://www.w3.org/1999/xlink">'
    '<library:library library:name="Standard" xlink:href="$(USER)/basic/Standard/script.xlb/" xlink:type="simple" '
    'library:link="false"/></library:libraries>',
    "Standard/script.xlb": f'<library:library xmlns:library="{_LIBRARY}" library:name="Standard" '
    'library:readonly="false" library:passwordprotected="false"><library:element library:name="Kit"/>'
    "</library:library>",
    "Standard/Kit.xba": '<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Kit" '
    f'script:language="StarBasic">{_MACRO}</script:module>',
}


class _Office(ctypes.Structure):
    _fields_ = (
        ("size", c_size_t),
        ("others", c_void_p * _BEFORE_RUN_MACRO),
        ("run_macro", CFUNCTYPE(c_int, c_void_p, c_char_p)),
    )


def convert(folder: str, profile: str, source: str, target: str, kind: str) -> int:
    """Writes `target` by the filter named `kind`. `folder` holds the library; all between are addresses, in which
    nothing stands that Basic or XML would take for its own."""
    path = next((each for name in _LIBRARIES if (each := Path(folder, name)).exists()), None)
    if path is None:
        return UNUSABLE
    begin = ctypes.CDLL(str(path)).libreofficekit_hook_2
    begin.restype, begin.argtypes = c_void_p, [c_char_p, c_char_p]
    office = begin(folder.encode(), profile.encode())
    if not office:
        return UNUSABLE
    table = _Office.from_address(c_void_p.from_address(office).value or 0)
    if table.size < ctypes.sizeof(_Office):
        return UNUSABLE
    # Not before: a fresh profile is filled with Basic libraries of its own at the start.
    _write_macro(Path(unquote(urlsplit(profile).path)), source, target, kind)
    return DONE if table.run_macro(office, b"macro:///Standard.Kit.Convert()") else UNREADABLE


def _write_macro(profile: Path, source: str, target: str, kind: str) -> None:
    for name, content in _PROFILE.items():
        path = profile / "user" / "basic" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        filled = content.replace("{source}", source).replace("{target}", target).replace("{kind}", kind)
        path.write_text(_XML + filled)


if __name__ == "__main__":
    # Its threads outlive its work, so it is not asked to end.
    os._exit(convert(*sys.argv[1:6]))
