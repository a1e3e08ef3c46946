"""Segments of an artefact as they are kept: compressed, each chunk's text only where the segment's own does not hold
it."""

import gzip
import zlib

from google.protobuf.message import DecodeError

from lorekeep.document.v1.document_pb2 import Chunk, Segment


def packed(segment: Segment) -> bytes:
    """A segment as bytes, the same for the same segment."""
    kept = Segment()
    kept.CopyFrom(segment)
    for chunk in kept.chunks:
        if _own_text(kept, chunk) == chunk.text:
            chunk.ClearField("text")
    return gzip.compress(kept.SerializeToString(deterministic=True), compresslevel=3, mtime=0)


def unpacked(content: bytes) -> Segment:
    """The way back; ValueError where the bytes are damaged."""
    try:
        segment = Segment.FromString(gzip.decompress(content))
    except (OSError, EOFError, zlib.error, DecodeError) as error:
        raise ValueError("the bytes hold no segment") from error
    for chunk in segment.chunks:
        chunk.text = chunk.text or _own_text(segment, chunk)
    return segment


def _own_text(segment: Segment, chunk: Chunk) -> str:
    """What the segment holds of the chunk's place: all of it, or less where the chunk began in an earlier one."""
    start, end = chunk.start - segment.start, chunk.end - segment.start
    return segment.text[start:end] if 0 <= start <= end <= len(segment.text) else ""
