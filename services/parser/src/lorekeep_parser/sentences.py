"""Where a text may be cut: after sentences, after lines, and, where nothing else helps, between or inside words."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

# Possessive and anchored at the first of a run, so that no text makes them slow.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+\s++|[。！？｡]++[”’」』）]*+|\n")
_LINE = re.compile(r"\n")
_WORD_BEFORE = re.compile(r"(\S+)$")
# Full stops that end no sentence. Short on purpose: a cut too few only makes a longer piece.
_ABBREVIATION_WORDS = (
    "dr mr mrs ms prof st no vs etc fig figs eq eqs e.g i.e cf al approx dept inc ltd co vol pp p art sec ca bzw nr"
)
_ABBREVIATIONS = frozenset(_ABBREVIATION_WORDS.split())


def of_prose(text: str) -> Iterator[Span]:
    """Sentences as spans without surrounding white space, in order; together they hold every other character."""
    start = 0
    for match in _END.finditer(text):
        if _ends(text, match):
            yield from _trimmed(text, start, match.end())
            start = match.end()
    yield from _trimmed(text, start, len(text))


def of_lines(text: str) -> Iterator[Span]:
    """Lines as spans; leading white space is kept, since in code and tables it matters."""
    start = 0
    for match in _LINE.finditer(text):
        yield from _trimmed(text, start, match.start(), leading=True)
        start = match.end()
    yield from _trimmed(text, start, len(text), leading=True)


def halves(text: str) -> tuple[Span, Span]:
    """Cuts a text of two characters or more in two at the white space nearest its middle, else in its middle."""
    middle = len(text) // 2
    before = _space_before(text, middle)
    after = _space_after(text, middle)
    places = [place for place in (before, after) if place is not None]
    if not places:
        return (0, middle), (middle, len(text))
    place = min(places, key=lambda each: abs(each - middle))
    left = len(text[:place].rstrip())
    right = place + len(text[place:]) - len(text[place:].lstrip())
    return (0, left), (right, len(text))


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a match ends a sentence rather than an abbreviation or an initial."""
    mark = match.group()
    if "\n" in mark or mark[0] in "。！？｡":
        return True
    following = text[match.end() : match.end() + 1]
    if following.islower():
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    word = _WORD_BEFORE.search(text, max(0, match.start() - 12), match.start())
    return word is None or not _abbreviates(word.group().strip("(\"'“[").lower())


def _abbreviates(word: str) -> bool:
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def _trimmed(text: str, start: int, end: int, leading: bool = False) -> Iterator[Span]:
    piece = text[start:end]
    if not piece.strip():
        return
    begin = start if leading else start + len(piece) - len(piece.lstrip())
    yield begin, start + len(piece.rstrip())


def _space_before(text: str, middle: int) -> int | None:
    for place in range(middle, 0, -1):
        if text[place].isspace() and text[:place].strip():
            return place
        if middle - place > _SEARCHED:
            return None
    return None


def _space_after(text: str, middle: int) -> int | None:
    for place in range(middle, len(text) - 1):
        if text[place].isspace() and text[place:].strip():
            return place
        if place - middle > _SEARCHED:
            return None
    return None


# White space further from the middle than this is no use: a half must be about a half.
_SEARCHED = 400
