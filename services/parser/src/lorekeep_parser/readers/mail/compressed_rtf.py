"""RTF as Outlook packs it within a mail (MS-OXRTFCP): a window of 4096 bytes that begins with what most texts hold."""

import struct

_HEADER = struct.Struct("<IIII")
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW = 4096
# What is unpacked is at most nine times what is packed, so that no size has to be believed.
_COMMON = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans "
    rb"SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def unpacked(data: bytes) -> bytes:
    """The RTF, as far as it can be read; nothing where the bytes are none."""
    if len(data) < _HEADER.size:
        return b""
    _, size, kind, _ = _HEADER.unpack_from(data)
    if kind == _PLAIN:
        return data[_HEADER.size : _HEADER.size + size]
    return _unpacked(data[_HEADER.size :]) if kind == _PACKED else b""


def _unpacked(data: bytes) -> bytes:
    """Eight tokens behind each byte of flags: a byte, or a place in what came before with a length."""
    made = bytearray(_COMMON)
    place, end = 0, len(data)
    while place < end:
        flags, place = data[place], place + 1
        for bit in range(8):
            if place >= end:
                break
            if not flags >> bit & 1:
                made.append(data[place])
                place += 1
                continue
            if place + 2 > end:
                break
            token = int.from_bytes(data[place : place + 2], "big")
            place += 2
            back = (len(made) - (token >> 4)) % _WINDOW
            if back == 0 or back > len(made):
                return bytes(made[len(_COMMON) :])
            for _ in range((token & 15) + 2):
                made.append(made[-back])
    return bytes(made[len(_COMMON) :])
