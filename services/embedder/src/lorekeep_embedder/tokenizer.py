"""Texts to token ids, with the window kept by us and not by what a tokenizer.json happens to say."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import tokenizers

from lorekeep_chassis.errors import InvalidInput
from lorekeep_embedder.backends.seam import Tokens
from lorekeep_embedder.registry import ModelSpec

_PIECE_BYTES = 1024 * 1024


class Tokenised:
    """Texts as a model reads them, in the order given, and how many were cut."""

    def __init__(self, texts: list[Tokens], truncated_count: int) -> None:
        self.texts = texts
        self.truncated_count = truncated_count
        self.token_count = sum(map(len, texts))


class Tokenizer:
    """The tokenizer of a model. Its calls hold no lock: they may run in several threads."""

    def __init__(self, spec: ModelSpec, folder: Path) -> None:
        self._spec = spec
        self._bytes = (folder / "tokenizer.json").read_bytes()
        self.fingerprint = hashlib.sha256(self._bytes).hexdigest()
        self._tokenizer = tokenizers.Tokenizer.from_buffer(self._bytes)
        # Files on the hub carry training-time settings (MiniLM: cut at 128, pad to 128), which make wrong vectors.
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._special_tokens = self._tokenizer.num_special_tokens_to_add(is_pair=False)

    def pieces(self) -> Iterator[bytes]:
        """The bytes of tokenizer.json, in pieces of at most 1 MiB."""
        for start in range(0, len(self._bytes), _PIECE_BYTES):
            yield self._bytes[start : start + _PIECE_BYTES]

    def tokenised(self, texts: Sequence[str], *, truncate: bool) -> Tokenised:
        """Ids of the texts; InvalidInput `text_too_long` for one beyond the window, unless it may be cut."""
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        room = self._spec.window_tokens - self._special_tokens
        long = [index for index, encoding in enumerate(encodings) if len(encoding) > room]
        if long and not truncate:
            raise self._too_long(long[0], len(encodings[long[0]]) + self._special_tokens)
        for index in long:
            encodings[index].truncate(room)
        return Tokenised([Tokens(self._tokenizer.post_process(each).ids) for each in encodings], len(long))

    def _too_long(self, index: int, tokens: int) -> InvalidInput:
        return InvalidInput(
            f"Text {index} has {tokens} tokens or more, and {self._spec.name} reads at most "
            f"{self._spec.window_tokens}. Split it, or set `truncate` to have it cut.",
            reason="text_too_long",
            field=f"texts[{index}]",
        )
