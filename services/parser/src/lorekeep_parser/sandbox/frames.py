"""Frames between the gRPC process and a child: one byte of kind, four of length, then the payload.

The gRPC process reads what a child wrote about a hostile document, so it believes no length beyond its bound.
"""

import asyncio
import struct
from enum import IntEnum
from typing import BinaryIO

MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
_HEAD = struct.Struct(">BI")


class Kind(IntEnum):
    """What a frame carries."""

    JOB = 1  # JSON: what the child is to do; the first frame it gets.
    REQUEST = 2  # a Segment, towards a child that chunks.
    END = 3  # no more requests; from the child: the work is done.
    RESPONSE = 4  # a ParseResponse or ChunkResponse.
    FAILURE = 5  # JSON: the typed error that ends the work.
    VECTORS = 6  # Vectors, towards a child that asked for them.
    ELSEWHERE = 7  # JSON: what the document needs that this child lacks; the first and last frame of such a child.
    BEAT = 8  # no more than a sign of life.
    WAITING = 9  # how many frames the child has taken, and that it waits for another.


_COUNT = struct.Struct(">I")


class BrokenFrame(Exception):
    """The other side wrote something that is no frame."""


def packed(kind: Kind, payload: bytes = b"") -> bytes:
    """A frame as bytes; BrokenFrame where the payload exceeds the bound."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BrokenFrame(f"a payload of {len(payload)} bytes is over the bound")
    return _HEAD.pack(kind, len(payload)) + payload


def counted(count: int) -> bytes:
    """A number as a payload."""
    return _COUNT.pack(count)


def count_of(payload: bytes) -> int:
    """Reads `counted` back; BrokenFrame where it is none."""
    if len(payload) != _COUNT.size:
        raise BrokenFrame("no number")
    return int(_COUNT.unpack(payload)[0])


def read(stream: BinaryIO) -> tuple[Kind, bytes]:
    """The next frame of a blocking stream; EOFError where the stream ended."""
    kind, length = _head(_exactly(stream, _HEAD.size))
    return kind, _exactly(stream, length)


async def read_async(stream: asyncio.StreamReader) -> tuple[Kind, bytes]:
    """The next frame of a stream; EOFError where it ended, BrokenFrame where it is none."""
    try:
        kind, length = _head(await stream.readexactly(_HEAD.size))
        return kind, await stream.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise EOFError("the child's stream ended") from error
    except ConnectionError as error:
        raise EOFError("the child's stream broke") from error


def _head(data: bytes) -> tuple[Kind, int]:
    number, length = _HEAD.unpack(data)
    if number not in Kind.__members__.values() or length > MAX_PAYLOAD_BYTES:
        raise BrokenFrame(f"kind {number}, {length} bytes")
    return Kind(number), length


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the stream ended")
    return data
