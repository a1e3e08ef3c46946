"""Texts that are far too long for a model's window: told, and cut, without reading all of them."""

import re
from collections.abc import Callable

# Long words of few tokens fit: a beginning this long that still fits is followed by one of twice the length.
_CHARACTERS_A_TOKEN = 32
# Where words end: at a space, or at a character of a script that has none.
_END_OF_WORD = re.compile(r"\s|[\u3000-\u9fff\uac00-\ud7ff]")


def shortened(text: str, window_tokens: int, too_long: Callable[[str], bool]) -> str:
    """`text`, or a beginning of it that ends where a word does and is beyond the window by `too_long`.

    Bytes alone tell nothing: a word that a tokenizer does not know is one token however long it is, and spaces are
    none. A beginning of whole words has the tokens that the whole begins with.
    """
    length = _CHARACTERS_A_TOKEN * window_tokens
    while length < len(text) // 2:
        found = _END_OF_WORD.search(text, length, len(text) // 2)
        if found is None:
            return text
        if too_long(text[: found.start()]):
            return text[: found.start()]
        length = 2 * found.start()
    return text
