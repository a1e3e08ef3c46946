"""Counts tokens word by word, for tokenizers that take every word for itself and a mark for one token.

BERT's kind does: what a word becomes depends on nothing around it, so what was counted once need not be counted again.
That is several times as fast as to tokenize. Only text of ASCII is counted so, in which words and marks are plain;
the counts are the tokenizer's own, not estimates.
"""

import re
from typing import Any

_WORD = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9\s]")
# Such a tokenizer drops them, and joins what stood on both sides.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MOST_WORDS, _LONGEST_WORD = 100_000, 32
_MOST_ADDED = 64


class WordCounts:
    """`tokenizer` is one that `of` found fit."""

    def __init__(self, tokenizer: Any, added: list[str], lowers: bool) -> None:
        self._tokenizer = tokenizer
        self._lowers = lowers
        self._added = re.compile("|".join(map(re.escape, added)) or r"(?!)", re.IGNORECASE)
        # What stands in the vocabulary is one token.
        self._known = {each: 1 for each in tokenizer.get_vocab() if each.isascii() and each.isalnum() and _short(each)}

    @classmethod
    def of(cls, tokenizer: Any) -> "WordCounts | None":
        """None for a tokenizer of another kind."""
        parts = (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
        if tuple(type(each).__name__ for each in parts) != ("BertNormalizer", "BertPreTokenizer", "WordPiece"):
            return None
        added = [each.content for each in tokenizer.get_added_tokens_decoder().values()]
        if not parts[0].clean_text or parts[2].max_input_chars_per_word < _LONGEST_WORD or len(added) > _MOST_ADDED:
            return None
        return cls(tokenizer, added, parts[0].lowercase) if all(added) else None

    def plain(self, text: str) -> bool:
        """Whether a text can be counted so."""
        printable = text.isprintable() or not _CONTROL.search(text)
        return text.isascii() and printable and not self._added.search(text)

    def counts(self, texts: list[str]) -> list[int]:
        """Tokens of each text, all of them plain."""
        words = [_WORD.findall(each.lower() if self._lowers else each) for each in texts]
        known = self._known
        try:
            return [sum(map(known.__getitem__, each)) for each in words]
        except KeyError:
            fresh = {each: 0 for line in words for each in line if each not in known}
            counted = self._counted(list(fresh))
            return [sum(known[each] if each in known else counted[each] for each in line) for line in words]

    def _counted(self, words: list[str]) -> dict[str, int]:
        """Tokens of words, kept where they are short."""
        encoded = self._tokenizer.encode_batch_fast(words, add_special_tokens=False)
        counted = {word: len(each.ids) for word, each in zip(words, encoded, strict=True)}
        if len(self._known) < _MOST_WORDS:
            self._known.update((word, count) for word, count in counted.items() if _short(word))
        return counted


def _short(word: str) -> bool:
    return len(word) <= _LONGEST_WORD
