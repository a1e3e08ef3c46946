"""The first ids of texts of any length, without reading what cannot matter to them.

A text of 4 MB has up to 4 million tokens, of which a model reads a few hundred. So only the text's head is tokenised,
and more of it until what counts is settled. Where a tokenizer splits a text into words (the pre-tokenizers of BERT,
GPT-2 and its heirs, SentencePiece), ids of a word depend on that word alone, and a cut can change no words but the last
few: the word that it goes through, white space in front of it, or a special token that it goes through, which then
reads as several words, at most one a character. Ids that lie further back than that are those of the whole text. A
tokenizer that takes the whole text for one word is given the whole text.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

# English has 4 or 5 characters a token: at twice that a text is nearly always longer than the window.
_CHARACTERS_A_TOKEN = 8
_GROWTH = 4
_WORDS_AT_A_CUT = 4
# A call of the tokenizer holds about 100 bytes a character for as long as it runs.
_SLICE_CHARACTERS = 64 * 1024


# Whether nobody waits for the answer any more.
Gone = Callable[[], bool]


def never() -> bool:
    """For a caller who stays."""
    return False


class Head:
    """The first ids of a text. `over` where the text has more; `count` is how many it has in all, 0 if not known."""

    __slots__ = ("count", "ids", "over")

    def __init__(self, ids: list[int], room: int, count: int) -> None:
        self.over = len(ids) > room
        self.ids = ids[:room] if self.over else ids
        self.count = count


class Heads:
    """Heads of texts, by a tokenizer that neither pads nor cuts; for windows of `window_tokens`."""

    def __init__(self, tokenizer: Any, window_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._characters = _CHARACTERS_A_TOKEN * window_tokens
        added = tokenizer.get_added_tokens_decoder().values()
        self._words_at_a_cut = _WORDS_AT_A_CUT + max((len(each.content) for each in added), default=0)

    def of(self, texts: Sequence[str], room: int, gone: Gone) -> Iterator[Head]:
        """The first `room` ids of each text, special tokens not included; `gone` is asked between slices."""
        for piece in self._slices(texts):
            if gone():
                raise CancelledError
            # The batch calls alone let other threads go on.
            short = [text for text in piece if len(text) <= self._characters]
            made = iter(self._tokenizer.encode_batch_fast(short, add_special_tokens=False))
            for text in piece:
                if len(text) > self._characters:
                    yield self._head(text, room, gone)
                else:
                    ids = next(made).ids
                    yield Head(ids, room, len(ids))

    def _head(self, text: str, room: int, gone: Gone) -> Head:
        size = self._characters
        while size < len(text):
            if gone():
                raise CancelledError
            [encoding] = self._tokenizer.encode_batch([text[:size]], add_special_tokens=False)
            if len(encoding) > room and self._settled(encoding, room):
                return Head(encoding.ids[: room + 1], room, 0)
            size *= _GROWTH
        [encoding] = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)
        return Head(encoding.ids, room, len(encoding))

    def _settled(self, encoding: Any, room: int) -> bool:
        """Whether the first `room` ids, and that there is one more, hold for the whole text."""
        last, beyond = encoding.token_to_word(len(encoding) - 1), encoding.token_to_word(room)
        return last is not None and beyond is not None and beyond + self._words_at_a_cut <= last

    def _slices(self, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        """The texts in runs of bounded size, or one text alone."""
        begin = characters = 0
        for end, text in enumerate(texts):
            if characters + len(text) > _SLICE_CHARACTERS and end > begin:
                yield texts[begin:end]
                begin, characters = end, 0
            characters += len(text)
        if begin < len(texts):
            yield texts[begin:]
