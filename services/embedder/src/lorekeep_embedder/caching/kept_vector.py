"""What the cache keeps of a text: its vector, and what an answer says beside it."""

import struct
from dataclasses import dataclass

import numpy as np

from lorekeep_embedder.backends.seam import Vectors

# Another version is another format, and a value of it a miss. Then whether the text was cut, and its tokens.
_VERSION = 1
_HEAD = struct.Struct("<BBI")
_NUMBER_BYTES = 4


@dataclass(frozen=True)
class KeptVector:
    """A text's vector, the whole of it; how many tokens it was made of, and whether they are all of the text's."""

    vector: Vectors
    token_count: int
    truncated: bool

    def packed(self) -> bytes:
        """The value that is kept: head and little-endian float32."""
        head = _HEAD.pack(_VERSION, self.truncated, self.token_count)
        return head + self.vector.astype("<f4", copy=False).tobytes()


def unpacked(value: bytes, dimensions: int) -> KeptVector | None:
    """What was packed; None where it was not, or for a vector of another size or with numbers that are none."""
    if len(value) != _HEAD.size + dimensions * _NUMBER_BYTES:
        return None
    version, truncated, token_count = _HEAD.unpack_from(value)
    vector = np.frombuffer(value, "<f4", offset=_HEAD.size)
    if version != _VERSION or truncated > 1 or token_count == 0 or not np.isfinite(vector).all():
        return None
    return KeptVector(vector, token_count, bool(truncated))
