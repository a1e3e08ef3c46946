"""Ids: a prefix that names the kind, then 26 characters that sort by time of making."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80


def new_id(prefix: str) -> str:
    """A new id such as `doc_01jd...`: 48 bits of milliseconds and 80 random bits in Crockford's base 32 (as ULID)."""
    number = time.time_ns() // 1_000_000 << _RANDOM_BITS | int.from_bytes(os.urandom(_RANDOM_BITS // 8))
    return f"{prefix}_{''.join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))}"
