"""Lines of a PDF page: text, place, size and weight, in the order of the page's content."""

import ctypes
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import pypdfium2.raw as pdfium

# PDFium writes one of these where a word was parted by a hyphen at a line's end.
HYPHEN_MARKS = "\x02\ufffe\u00ad"
_DEVICE = 100_000
_BREAK = re.compile(r"\r\n|\r|\n")
_BOLD = re.compile(rb"bold|black|heavy|semibold|demi", re.IGNORECASE)
_FONT_NAME_BYTES = 128
_MAX_SAMPLES = 3


@dataclass(slots=True)
class Line:
    """A line. Sides are fractions of the page from its top left; `size` is the height of its font as a fraction too."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool

    @property
    def middle(self) -> float:
        """Its height on the page."""
        return (self.top + self.bottom) / 2


def lines(page: Any) -> list[Line]:
    """The lines of a pypdfium2 page; those without visible characters are left out."""
    text_page = page.get_textpage()
    try:
        return _lines(page, text_page, text_page.get_text_range())
    finally:
        text_page.close()


def usual_pitch(lines: Sequence[Line]) -> float:
    """Distance from one line's foot to the next one's, as usual among these."""
    steps = [b.bottom - a.bottom for a, b in pairwise(lines)]
    ordinary = [step for step, line in zip(steps, lines, strict=False) if 0 < step < 3 * max(line.size, 0.005)]
    return median(ordinary) if ordinary else 0.02


def _lines(page: Any, text_page: Any, text: str) -> list[Line]:
    found, start = [], 0
    height = page.get_height() or 1.0
    for match in [*_BREAK.finditer(text), None]:
        end = len(text) if match is None else match.start()
        content = text[start:end]
        if content.strip():
            line = _line(page, text_page, content, start, height)
            if line is not None:
                found.append(line)
        start = end if match is None else match.end()
    return found


def _line(page: Any, text_page: Any, content: str, start: int, height: float) -> Line | None:
    count = text_page.count_rects(start, len(content))
    rects = [text_page.get_rect(index) for index in range(count)]
    if not rects:
        return None
    edges = [f(each[i] for each in rects) for i, f in enumerate((min, min, max, max))]
    left, top, right, bottom = _placed(page, edges)
    size, bold = _font(text_page, content, start)
    return Line(content.strip(), left, top, right, bottom, size / height, bold)


def _placed(page: Any, edges: list[float]) -> tuple[float, float, float, float]:
    """Page coordinates as fractions of the page as it is shown: rotated and cropped."""
    x, y = ctypes.c_int(), ctypes.c_int()
    xs, ys = [], []
    for px, py in ((edges[0], edges[1]), (edges[2], edges[3])):
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, _DEVICE, _DEVICE, 0, px, py, x, y)
        xs.append(min(max(x.value / _DEVICE, 0.0), 1.0))
        ys.append(min(max(y.value / _DEVICE, 0.0), 1.0))
    return min(xs), min(ys), max(xs), max(ys)


def _font(text_page: Any, content: str, start: int) -> tuple[float, bool]:
    """Size in points as shown, and whether it is bold, from a few of the line's characters."""
    places = [index for index, each in enumerate(content) if not each.isspace()]
    sampled = places[:: max(1, len(places) // _MAX_SAMPLES)][:_MAX_SAMPLES]
    sizes = sorted(_size(text_page, start + index) for index in sampled)
    bold = all(_bold(text_page, start + index) for index in sampled)
    return sizes[len(sizes) // 2], bold


def _size(text_page: Any, index: int) -> float:
    """The font's size times what the text matrix makes of it."""
    matrix = pdfium.FS_MATRIX()
    size: float = pdfium.FPDFText_GetFontSize(text_page.raw, index)
    if not pdfium.FPDFText_GetMatrix(text_page.raw, index, matrix):
        return size
    return size * (math.hypot(matrix.b, matrix.d) or 1.0)


def _bold(text_page: Any, index: int) -> bool:
    buffer = ctypes.create_string_buffer(_FONT_NAME_BYTES)
    flags = ctypes.c_int()
    length = pdfium.FPDFText_GetFontInfo(text_page.raw, index, buffer, _FONT_NAME_BYTES, flags)
    return bool(0 < length <= _FONT_NAME_BYTES and _BOLD.search(buffer.raw[:length]))
