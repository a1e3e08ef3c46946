"""Messages between the service and its engine process: two lengths, a JSON header, and bytes that need no coding."""

import json
import struct
from typing import Any, NamedTuple

Header = dict[str, Any]

LENGTHS = struct.Struct("<II")


class Frame(NamedTuple):
    """One message. `tail` holds vectors, little-endian float32."""

    header: Header
    tail: bytes = b""


def packed(frame: Frame) -> bytes:
    """The frame as it travels."""
    header = json.dumps(frame.header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return LENGTHS.pack(len(header), len(frame.tail)) + header + frame.tail


def unpacked(header: bytes, tail: bytes) -> Frame:
    """The frame of the two parts that followed the lengths."""
    return Frame(json.loads(header), tail)
