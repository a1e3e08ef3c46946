"""Where a text without sentences may be cut: between words, behind a clause, and never inside what looks like one
character."""

from unicodedata import category

Span = tuple[int, int]

# White space further from the middle than this is no use: a half must be about a half.
_SEARCHED = 400
_CLAUSES = frozenset("，、；：,;")
_JOINER = "\u200d"
# What looks like one character is seldom longer; a text that is all marks must be cut somewhere.
_LONGEST_CHARACTER = 32


def halves(text: str) -> tuple[Span, Span]:
    """Cuts a text of two characters or more in two at the white space nearest its middle, else behind the clause or
    between the characters nearest to it. Neither half is blank unless the text is."""
    middle = len(text) // 2
    least, most = max(1, middle - _SEARCHED), min(len(text) - 1, middle + _SEARCHED)
    for found in (_nearest_space(text, middle, least, most), _nearest_clause(text, middle, least, most)):
        if found is not None:
            left, right = text[:found].rstrip(), text[found:].lstrip()
            if left and right:
                return (0, len(left)), (len(text) - len(right), len(text))
    place = between_characters(text, middle)
    return (0, place), (place, len(text))


def between_characters(text: str, place: int) -> int:
    """The last place up to `place` that parts no letter from its marks and no emoji; `place` where there is none."""
    for earlier in range(place, max(0, place - _LONGEST_CHARACTER), -1):
        if not _continues(text[earlier]) and text[earlier - 1] != _JOINER:
            return earlier
    return place


def _continues(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    if character < "\u0300":
        return False
    skin = "\U0001f3fb" <= character <= "\U0001f3ff"
    return skin or character == _JOINER or category(character).startswith("M")


def _nearest_space(text: str, middle: int, least: int, most: int) -> int | None:
    for step in range(_SEARCHED + 1):
        for place in (middle - step, middle + step):
            if least <= place < most and text[place].isspace():
                return place
    return None


def _nearest_clause(text: str, middle: int, least: int, most: int) -> int | None:
    for step in range(_SEARCHED + 1):
        for place in (middle - step, middle + step):
            if least <= place < most and text[place - 1] in _CLAUSES:
                return place
    return None
