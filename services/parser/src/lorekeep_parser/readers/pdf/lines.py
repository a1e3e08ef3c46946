"""Lines of a PDF page: text, place, size and weight, in the order of the page's content.

PDFium answers one question a call, and a call from Python costs about a microsecond: so a line is asked for as a whole,
not character by character.
"""

import ctypes
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Any

import pypdfium2.raw as pdfium

from lorekeep_parser.readers.pdf import frame, torn
from lorekeep_parser.readers.pdf.frame import Frame
from lorekeep_parser.readers.pdf.torn import NO_SPACE, Run

# PDFium writes one of these where a word was parted by a hyphen at a line's end.
HYPHEN_MARKS = "\x02\ufffe\u00ad"
_BREAK = re.compile(r"\r\n|\r|\n")
_BOLD = re.compile(rb"bold|black|heavy|semibold|demi", re.IGNORECASE)
_FONT_NAME_BYTES = 128
# A gap wider than so many heights of the line parts it: cells of a row, or columns whose lines PDFium joined.
_GAP = 1.3
_MAX_PARTED_CHARACTERS = 2000
# In heights or widths of the page.
_FARTHEST = 1000.0
_MARKER = re.compile(r"\s*(\W|\(?\w{1,4}[.)])\s*")


@dataclass(slots=True)
class Line:
    """A line, or a piece of one that a wide gap sets apart from the next.

    Sides are fractions of the page from its top left, as most of its text stands upright; `size` is the height of its
    font as a fraction too; `aside` runs in another direction than most of the page.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool
    aside: bool = False

    @property
    def middle(self) -> float:
        """Its height on the page."""
        return (self.top + self.bottom) / 2


@dataclass
class Sheet:
    """The lines of a page, and how the page must be turned to read them."""

    lines: list[Line] = field(default_factory=list)
    turn: int = 0


def sheet(page: Any) -> Sheet:
    """The lines of a pypdfium2 page; those without visible characters are left out."""
    text_page = page.get_textpage()
    try:
        shown = frame.of_page(page)
        found = (run for start, content in _contents(text_page) for run in _runs(text_page, content, start, shown))
        runs = list(torn.joined(found))
    finally:
        text_page.close()
    turns = [0, 0, 0, 0]
    for run in runs:
        turns[run.turn] += len(run.text)
    turn = turns.index(max(turns))
    return Sheet([_line(run, shown.turned(turn), turn) for run in runs], turn)


def usual_pitch(lines: Sequence[Line]) -> float:
    """Distance from one line's foot to the next one's, as usual among these."""
    steps = [b.bottom - a.bottom for a, b in pairwise(lines)]
    ordinary = [step for step, line in zip(steps, lines, strict=False) if 0 < step < 3 * max(line.size, 0.005)]
    return median(ordinary) if ordinary else 0.02


def _contents(text_page: Any) -> Iterator[tuple[int, str]]:
    """The lines that show something, each with the number of its first character."""
    text, start = text_page.get_text_range(), 0
    # Characters without a meaning in Unicode are counted and not told.
    exact = len(text) == text_page.count_chars()
    for match in [*_BREAK.finditer(text), None]:
        end = len(text) if match is None else match.start()
        content = text[start:end]
        if content.strip():
            yield (start if exact else pdfium.FPDFText_GetCharIndexFromTextIndex(text_page.raw, start)), content
        start = end if match is None else match.end()


def _runs(text_page: Any, content: str, start: int, shown: Frame) -> Iterator[Run]:
    rects = [text_page.get_rect(index) for index in range(text_page.count_rects(start, len(content)))]
    if not rects:
        return
    content = torn.respaced(text_page, content, start)
    parts = _parts(text_page, content, start, rects) if len(rects) > 1 and len(content) > 2 else [(0, content, rects)]
    for offset, part, within in parts:
        size, bold, turn = _font(text_page, part, start + offset, shown)
        yield Run(part.strip().replace(NO_SPACE, ""), _around(within), size, bold, turn)


_Rects = list[tuple[float, float, float, float]]


def _parts(text_page: Any, content: str, start: int, rects: _Rects) -> list[tuple[int, str, _Rects]]:
    """The pieces of a line between wide gaps; the whole line for most."""
    whole = [(0, content, rects)]
    ordered = sorted(rects)
    reach, gaps = ordered[0][2], []
    height = median(top - bottom for _, bottom, _, top in rects)
    for left, _, right, _ in ordered[1:]:
        if left - reach > _GAP * height > 0:
            gaps.append((reach + left) / 2)
        reach = max(reach, right)
    if not gaps or len(content) > _MAX_PARTED_CHARACTERS:
        return whole
    cuts = _cuts(text_page, content, start, gaps)
    edges = [0, *(at for at, _ in cuts), len(content)]
    sides = [-math.inf, *(place for _, place in cuts), math.inf]
    parts = []
    for (first, last), (low, high) in zip(pairwise(edges), pairwise(sides), strict=True):
        within = [each for each in rects if low < (each[0] + each[2]) / 2 < high]
        if not within or not content[first:last].strip():
            return whole
        parts.append((first, content[first:last], within))
    return parts


def _cuts(text_page: Any, content: str, start: int, gaps: list[float]) -> list[tuple[int, float]]:
    """Where in the text a gap lies: at white space whose neighbours stand on both sides of it."""
    cuts: list[tuple[int, float]] = []
    for space in re.finditer(r"\S\s+(?=\S)", content):
        if _MARKER.fullmatch(content[cuts[-1][0] if cuts else 0 : space.end()]):
            continue
        right_of = text_page.get_charbox(start + space.start())[2]
        left_of = text_page.get_charbox(start + space.end())[0]
        place = next((gap for gap in gaps if right_of <= gap <= left_of), None)
        if place is not None:
            cuts.append((space.end(), place))
    return cuts


def _around(rects: _Rects) -> tuple[float, float, float, float]:
    lefts, bottoms, rights, tops = zip(*rects, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _line(run: Run, shown: Frame, turn: int) -> Line:
    left, top, right, bottom = (_near(each) for each in shown.placed(run.sides))
    size = _near(run.size / shown.height) if shown.height else 0.0
    return Line(run.text, left, top, right, bottom, size, run.bold, run.turn != turn)


def _near(share: float) -> float:
    """A share of the page, within what can be calculated with: damaged matrices make places and sizes without end."""
    return min(max(share, -_FARTHEST), _FARTHEST) if math.isfinite(share) else 0.0


def _font(text_page: Any, content: str, start: int, shown: Frame) -> tuple[float, bool, int]:
    """Size in points as shown, whether it is bold, and the direction, from the first and the last character."""
    first = start + len(content) - len(content.lstrip())
    last = start + len(content.rstrip()) - 1
    size, turn = _size(text_page, first, shown)
    bold = _bold(text_page, first)
    if last - first < 2:
        return size, bold, turn
    other, _ = _size(text_page, last, shown)
    if abs(other - size) > 0.1:
        # A note's mark or an initial at one end: what stands in the middle decides.
        size, turn = _size(text_page, (first + last) // 2, shown)
    return size, bold and _bold(text_page, last), turn


def _size(text_page: Any, index: int, shown: Frame) -> tuple[float, int]:
    """The font's size times what the text matrix makes of it, and the direction."""
    matrix = pdfium.FS_MATRIX()
    size: float = pdfium.FPDFText_GetFontSize(text_page.raw, index)
    if not pdfium.FPDFText_GetMatrix(text_page.raw, index, matrix):
        return size, 0
    return size * (math.hypot(matrix.b, matrix.d) or 1.0), shown.turn_of(matrix.a, matrix.b)


def _bold(text_page: Any, index: int) -> bool:
    buffer = ctypes.create_string_buffer(_FONT_NAME_BYTES)
    flags = ctypes.c_int()
    length = pdfium.FPDFText_GetFontInfo(text_page.raw, index, buffer, _FONT_NAME_BYTES, flags)
    return 0 < length <= _FONT_NAME_BYTES and _bold_name(buffer.raw[:length])


@lru_cache(maxsize=1024)
def _bold_name(name: bytes) -> bool:
    return _BOLD.search(name) is not None
