"""Tokenizers by fingerprint, as files that children read. They come from callers and are believed by their hash."""

import hashlib
from pathlib import Path

from lorekeep_chassis.errors import InvalidInput, TooLarge

MAX_TOKENIZER_BYTES = 64 * 1024 * 1024
_KEPT = 16


class TokenizerShelf:
    """Keeps the last sixteen tokenizers. `root` is a directory of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held: dict[str, Path] = {}

    def path(self, fingerprint: str) -> Path | None:
        """Where the tokenizer lies; None where it must be sent."""
        held = self._held.pop(fingerprint, None)
        if held is not None:
            self._held[fingerprint] = held  # the latest used is the last to go
        return held

    def keep(self, fingerprint: str, data: bytes) -> Path:
        """Keeps tokenizer.json; InvalidInput where its SHA-256 is not the fingerprint."""
        if hashlib.sha256(data).hexdigest() != fingerprint:
            raise InvalidInput(
                "The tokenizer's bytes do not have the fingerprint that was named. Fetch it anew and repeat the call.",
                reason="tokenizer_mismatch",
            )
        path = self._root / f"{fingerprint}.json"
        partial = self._root / f"{fingerprint}.partial"
        partial.write_bytes(data)
        partial.replace(path)
        self._held[fingerprint] = path
        self._forget()
        return path

    def _forget(self) -> None:
        """A child that is still opening the oldest of seventeen tokenizers is not to be feared."""
        while len(self._held) > _KEPT:
            oldest = next(iter(self._held))
            self._held.pop(oldest).unlink(missing_ok=True)


class Gathering:
    """The bytes of a tokenizer on their way in, bounded. An empty fingerprint asks for none."""

    def __init__(self, shelf: TokenizerShelf, fingerprint: str) -> None:
        self._shelf = shelf
        self._fingerprint = fingerprint
        self._data = bytearray()
        self.path = shelf.path(fingerprint) if fingerprint else None

    @property
    def required(self) -> bool:
        """Whether the bytes must be sent; never where nothing is counted in tokens."""
        return self.path is None and bool(self._fingerprint)

    def add(self, data: bytes) -> None:
        """More bytes; TooLarge beyond 64 MiB."""
        if len(self._data) + len(data) > MAX_TOKENIZER_BYTES:
            raise TooLarge(f"The tokenizer is larger than {MAX_TOKENIZER_BYTES} bytes. Use another model.")
        self._data += data

    def end(self) -> None:
        """All bytes are there. Where another call brought the same tokenizer meanwhile, these are dropped."""
        self.path = self._shelf.path(self._fingerprint) or self._shelf.keep(self._fingerprint, bytes(self._data))
        self._data.clear()
