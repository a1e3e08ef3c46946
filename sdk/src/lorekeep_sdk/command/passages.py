"""A passage as a reader wants it: the words of the query marked, cut around them to a few lines."""

import re
from collections.abc import Collection, Sequence

from rich.text import Text

from lorekeep_sdk.command.screen import safe

_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "by", "do", "does", "for", "from", "has", "have", "how", "i", "in"}
    | {"is", "it", "its", "of", "on", "or", "that", "the", "their", "they", "this", "to", "was", "we", "were", "what"}
    | {"when", "where", "which", "who", "whom", "why", "will", "with", "you", "your"}
)
_STEM_LETTERS = 4
_ENDING_LETTERS = 3
_CONTEXT_CHARACTERS = 80
_WORD_CHARACTERS = 24

Span = tuple[int, int]


def query_words(query: str) -> frozenset[str]:
    """The words of a query that are worth marking: all but the commonest, or all where nothing else is left."""
    words = frozenset(each.group().casefold() for each in _WORD.finditer(query))
    return words - _COMMON or words


def matches(text: str, words: Collection[str]) -> list[Span]:
    """Where the text has the words, also with another ending (team, teams): spans in order, none overlapping."""
    return [each.span() for each in _WORD.finditer(text) if _alike(each.group().casefold(), words)]


def window(text: str, spans: Sequence[Span], width: int) -> Span:
    """The part of the text, about `width` characters, that has most different words of `spans`; whole words.

    The earliest such part; the start of the text where there are no spans. It is never longer than `width`.
    """
    if len(text) <= width:
        return 0, len(text)
    starts = [max(0, start - _CONTEXT_CHARACTERS) for start, _ in spans] or [0]
    start = max(starts, key=lambda each: (_different_words(text, spans, each, each + width), -each))
    start = min(start, len(text) - width)
    return _whole_words(text, start, start + width)


def passage(text: str, query: str, width: int) -> Text:
    """The text on one flow of lines, words of the query marked, cut to `width` characters with … where it is cut."""
    flowing = safe(" ".join(text.split()))
    words = query_words(query)
    start, end = window(flowing, matches(flowing, words), width)
    shown = Text(flowing[start:end])
    for first, last in matches(flowing[start:end], words):
        shown.stylize("bold yellow", first, last)
    return Text("… " if start else "").append_text(shown).append(" …" if end < len(flowing) else "")


def _alike(token: str, words: Collection[str]) -> bool:
    return token in words or any(_same_stem(token, word) for word in words)


def _same_stem(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return (
        len(shorter) >= _STEM_LETTERS and len(longer) - len(shorter) <= _ENDING_LETTERS and longer.startswith(shorter)
    )


def _different_words(text: str, spans: Sequence[Span], start: int, end: int) -> int:
    return len({text[first:last].casefold() for first, last in spans if start <= first and last <= end})


def _whole_words(text: str, start: int, end: int) -> Span:
    """Moves both ends inwards to a space, where one is near; a script without spaces is cut where it must be."""
    if start:
        space = text.find(" ", start - 1, start + _WORD_CHARACTERS)
        start = space + 1 if space >= 0 else start
    if end < len(text):
        space = text.rfind(" ", max(start, end - _WORD_CHARACTERS), end + 1)
        end = space if space > start else end
    return start, end
