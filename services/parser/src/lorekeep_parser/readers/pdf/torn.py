"""Words that PDFium tears: at the last letter of one that is set wide, and letter by letter on nearly empty pages."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pypdfium2.raw as pdfium

# Stands for a space that is none, so that every character keeps its number. PDFium never tells it.
NO_SPACE = "\x00"
_LONE = re.compile(r"(?<=\S\S) (?=\S(?:\s|$))")
_LONE_SHARE = 0.3
# A space must be wider than so many times the gap between the letters before it.
_WIDER = 1.3
_LETTER_GAP = 0.02
# How far, in sizes of the font, pieces of one word may stand apart or lie over each other.
_TOUCHING = 0.17
_SAME_SIZE = 0.02

_Sides = tuple[float, float, float, float]


@dataclass(slots=True)
class Run:
    """A line as PDFium gives it: left, bottom, right, top in points, direction in quarters of a turn."""

    text: str
    sides: _Sides
    size: float
    bold: bool
    turn: int


def respaced(text_page: Any, content: str, start: int) -> str:
    """A line whose first character has a number, with NO_SPACE where a space stands within a word.

    Programs for recognised scans set words to their width on the image by spacing their letters, the last one apart.
    """
    places = [match.start() for match in _LONE.finditer(content)]
    if not places or len(places) < _LONE_SHARE * content.count(" "):
        return content
    letters = list(content)
    for place in places:
        if pdfium.FPDFText_IsGenerated(text_page.raw, start + place) == 1 and _within_word(text_page, start + place):
            letters[place] = NO_SPACE
    return "".join(letters)


def _within_word(text_page: Any, space: int) -> bool:
    """Whether the letters before a space are as far apart as it is wide, and they are apart."""
    first, last, after = (text_page.get_charbox(each, loose=True) for each in (space - 2, space - 1, space + 1))
    usual = last[0] - first[2]
    return bool(usual > _LETTER_GAP * (last[3] - last[1]) and after[0] - last[2] <= _WIDER * usual)


def joined(runs: Iterable[Run]) -> Iterator[Run]:
    """The runs, those in one that touch: no word ends between them."""
    held: Run | None = None
    for run in runs:
        if held is not None and _touches(held, run):
            held = replace(held, text=held.text + run.text, sides=_around(held.sides, run.sides))
            continue
        if held is not None:
            yield held
        held = run
    if held is not None:
        yield held


def _touches(before: Run, run: Run) -> bool:
    if before.turn or run.turn or before.bold != run.bold or abs(before.size - run.size) > _SAME_SIZE * run.size:
        return False
    (_, low, right, high), (left, bottom, _, top) = before.sides, run.sides
    return abs(left - right) <= _TOUCHING * run.size and min(high, top) - max(low, bottom) > 0.6 * min(
        high - low, top - bottom
    )


def _around(a: _Sides, b: _Sides) -> _Sides:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
