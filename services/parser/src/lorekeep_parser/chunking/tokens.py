"""Counts tokens as the collection's model does."""

from pathlib import Path
from typing import Any, Protocol

from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.chunking.word_counts import WordCounts

# Pre-tokenizers that cut at white space and keep nothing of it: there, the counts of texts joined by white space add
# up, and nothing needs to be counted twice.
_ADDITIVE = frozenset({"BertPreTokenizer", "Whitespace", "WhitespaceSplit"})


class Counter(Protocol):
    """Counts a text's length in what the options' sizes are in. `additive`: counts of texts joined by white space add
    up. `specials` is what is counted for every text beside its own length."""

    additive: bool
    specials: int

    def counts(self, texts: list[str]) -> list[int]:
        """Length of each text, specials not included."""
        ...

    def whole(self, text: str) -> int:
        """Length of a text, specials included."""
        ...

    def places(self, text: str) -> list[int]:
        """Where each of the text's tokens begins, in order; several may begin at one character."""
        ...


class CharacterCounter:
    """Counts Unicode code points."""

    additive = False
    specials = 0

    def counts(self, texts: list[str]) -> list[int]:
        """Length of each text."""
        return [len(each) for each in texts]

    def whole(self, text: str) -> int:
        """Length of a text."""
        return len(text)

    def places(self, text: str) -> list[int]:
        """Every character's place."""
        return list(range(len(text)))


class TokenCounter:
    """A tokenizer without padding and truncation. `specials` is what the model adds around a text."""

    def __init__(self, tokenizer: Any, additive: bool) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.additive = additive
        self.specials: int = tokenizer.num_special_tokens_to_add(False)
        self._words = WordCounts.of(tokenizer)

    @classmethod
    def of_file(cls, path: Path) -> "TokenCounter":
        """Loads a tokenizer.json; InvalidInput where it is none."""
        return cls.of_bytes(path.read_bytes())

    @classmethod
    def of_bytes(cls, data: bytes) -> "TokenCounter":
        """Loads the bytes of a tokenizer.json; InvalidInput where they are none."""
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_buffer(data)
        except Exception as error:
            raise InvalidInput("The tokenizer cannot be loaded.", reason="tokenizer_invalid") from error
        return cls(tokenizer, type(tokenizer.pre_tokenizer).__name__ in _ADDITIVE)

    def counts(self, texts: list[str]) -> list[int]:
        """Tokens of each text, special tokens not included."""
        if self._words is not None and all(map(self._words.plain, texts)):
            return self._words.counts(texts)
        return [len(each.ids) for each in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def whole(self, text: str) -> int:
        """Tokens of a text as the model reads it, special tokens included."""
        return len(self._tokenizer.encode_batch_fast([text], add_special_tokens=True)[0].ids)

    def places(self, text: str) -> list[int]:
        """Where each token begins, special ones left out."""
        return [begin for begin, _ in self._tokenizer.encode(text, add_special_tokens=False).offsets]
