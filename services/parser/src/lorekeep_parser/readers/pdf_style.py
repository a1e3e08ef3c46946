"""What the document's typography means: which size is body text, which are headings, which lines are furniture.

Told from a sample of pages spread over the document, the same for the same bytes, so that a resumed reading agrees.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lorekeep_parser.readers.pdf_lines import Line

SAMPLED_PAGES = 16
_LARGER = 1.15
_MAX_HEADING_CHARACTERS = 200
_MAX_BOLD_HEADING_CHARACTERS = 120
# Share of a page's height, at its top and its foot, that furniture stands in; a lone page number may stand further in.
_EDGE = 0.09
_NUMBER_EDGE = 0.2
_LEAST_REPEATS = 3
_MAX_LEVEL = 6
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"[-–—\s]*(page|seite|p\.)?\s*#\s*((of|von|/)\s*#)?[-–—\s]*", re.IGNORECASE)
_SENTENCE_END = (".", ",", ";", "。")


@dataclass(frozen=True)
class Style:
    """`body` is the size of most characters; `headings` the larger sizes, largest first; `repeated` furniture."""

    body: float
    body_bold: bool
    headings: tuple[float, ...]
    repeated: frozenset[str]
    paged: bool

    def level(self, text: str, size: float, bold: bool, line_count: int) -> int:
        """Level of a passage as a heading from 1; 0 where it is none."""
        if not any(each.isalpha() for each in text) or len(text) > _MAX_HEADING_CHARACTERS or line_count > 4:
            return 0
        if _rounded(size) >= _rounded(self.body) * _LARGER:
            larger = sum(1 for each in self.headings if each > _rounded(size) * 1.02)
            return min(larger + 1, _MAX_LEVEL)
        short = len(text) <= _MAX_BOLD_HEADING_CHARACTERS and not text.endswith(_SENTENCE_END)
        if bold and not self.body_bold and short and size >= self.body * 0.95:
            return min(len(self.headings) + 1, _MAX_LEVEL)
        return 0

    def furniture(self, line: Line) -> int:
        """-1 for a running header, 1 for a footer, 0 for neither."""
        if not self.paged:
            return 0
        shape = _shape(line.text)
        if _PAGE_NUMBER.fullmatch(shape):
            return _edge(line, _NUMBER_EDGE)
        return _edge(line, _EDGE) if shape in self.repeated else 0


def style_of(pages: Sequence[Iterable[Line]], page_count: int) -> Style:
    """The style that a sample of pages shows."""
    sizes: Counter[float] = Counter()
    bold: Counter[bool] = Counter()
    shapes: Counter[str] = Counter()
    for page in pages:
        lines = list(page)
        for line in lines:
            sizes[_rounded(line.size)] += len(line.text)
            bold[line.bold] += len(line.text)
        shapes.update({_shape(line.text) for line in lines if _edge(line, _EDGE)})
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    headings = tuple(sorted((each for each in sizes if each >= body * _LARGER), reverse=True))
    repeated = frozenset(shape for shape, count in shapes.items() if count >= _LEAST_REPEATS)
    return Style(body, bold[True] > bold[False], headings, repeated, page_count > 1)


def _edge(line: Line, share: float) -> int:
    if line.bottom < share:
        return -1
    return 1 if line.top > 1 - share else 0


def _shape(text: str) -> str:
    """A line with its numbers made alike: page numbers change from page to page."""
    return " ".join(_DIGITS.sub("#", text).split())


def _rounded(size: float) -> float:
    """Sizes in steps of half a thousandth of the page: about 0.4 points."""
    return round(size * 2000) / 2000
