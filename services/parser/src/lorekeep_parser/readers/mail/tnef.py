"""`winmail.dat`: what Outlook puts around attachments that it sends to others (MS-OXTNEF)."""

import struct
from collections.abc import Iterator

from lorekeep_parser.formats import decoding
from lorekeep_parser.readers.mail.mail_parts import Body, Inside, Mail

_SIGNATURE = 0x223E9F78
_BODY, _BEGIN, _TITLE, _DATA, _MAPI = 0x2800C, 0x69002, 0x18010, 0x6800F, 0x69005
_LONG_NAME = struct.pack("<HH", 0x001F, 0x3707)
_MOST_NAME_BYTES = 2048


def taken_apart(data: bytes) -> Mail | None:
    """Text and attachments; None where it is none."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    mail, names, contents = Mail(), list[str](), list[bytes]()
    for key, value in _attributes(data):
        if key == _BODY:
            mail.bodies.append(Body(_string(value)))
        elif key == _BEGIN:
            names.append(f"attachment-{len(names) + 1}")
            contents.append(b"")
        elif names and key == _TITLE:
            names[-1] = _string(value) or names[-1]
        elif names and key == _DATA:
            contents[-1] = value
        elif names and key == _MAPI:
            names[-1] = _long_name(value) or names[-1]
    mail.inside = [Inside(name, "", content) for name, content in zip(names, contents, strict=True) if content]
    return mail


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Up to where the file ends or is broken."""
    place = 6
    while place + 9 <= len(data):
        key, length = struct.unpack_from("<II", data, place + 1)
        place += 9
        if place + length > len(data):
            return
        yield key, data[place : place + length]
        place += length + 2


def _long_name(properties: bytes) -> str:
    """The name in full; the one beside it has eight letters and three."""
    place = properties.find(_LONG_NAME)
    if place < 0 or place + 12 > len(properties):
        return ""
    (length,) = struct.unpack_from("<I", properties, place + 8)
    raw = properties[place + 12 : place + 12 + min(length, _MOST_NAME_BYTES)]
    return raw.decode("utf-16-le", errors="replace").rstrip("\x00")


def _string(value: bytes) -> str:
    return decoding.decoded(value.rstrip(b"\x00"))[0] if value.rstrip(b"\x00") else ""
