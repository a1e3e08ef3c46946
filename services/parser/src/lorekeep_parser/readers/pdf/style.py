"""What the document's typography means: which size is body text, which are headings, which lines run through it.

Told from a sample of pages spread over the document, the same for the same bytes, so that a resumed reading agrees.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lorekeep_parser.readers.pdf import furniture, words
from lorekeep_parser.readers.pdf.lines import Line

SAMPLED_PAGES = 16
_LARGER = 1.15
_MAX_HEADING_CHARACTERS = 200
_MAX_BOLD_HEADING_CHARACTERS = 120
_MAX_LEVEL = 6
_SENTENCE_END = (".", ",", ";", "。")
# More lines than this on one page are no text that anybody set, and furniture is not sought among them.
_MAX_LINES = 5000
_NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,5})\.?\s+\S")


@dataclass(frozen=True)
class Style:
    """`body` is the size of most characters; `headings` the larger sizes, largest first; `running` what repeats.

    `compounds` are words that the document writes with a hyphen.
    """

    body: float
    body_bold: bool
    headings: tuple[float, ...]
    running: furniture.Running
    paged: bool
    compounds: frozenset[str]

    def level(self, text: str, size: float, bold: bool, line_count: int) -> int:
        """Level of a passage as a heading from 1; 0 where it is none."""
        if len(text) > _MAX_HEADING_CHARACTERS or line_count > 4 or sum(map(str.isalpha, text)) < 2:
            return 0
        if _rounded(size) >= _rounded(self.body) * _LARGER:
            larger = sum(1 for each in self.headings if each > _rounded(size) * 1.02)
            return min(larger + 1, _MAX_LEVEL)
        short = len(text) <= _MAX_BOLD_HEADING_CHARACTERS and not text.endswith(_SENTENCE_END)
        if bold and not self.body_bold and short and size >= self.body * 0.95:
            numbered = _NUMBERED.match(text)
            deeper = numbered.group(1).count(".") if numbered else 0
            return min(len(self.headings) + 1 + deeper, _MAX_LEVEL)
        return 0

    def furniture(self, lines: Sequence[Line], page: int) -> list[int]:
        """Of each line of a page, counted from 1: -1 for a running head, 1 for a foot, 0 for neither."""
        if not self.paged or len(lines) > _MAX_LINES:
            return [0] * len(lines)
        return self.running.edges(lines, page - 1)


def style_of(pages: Mapping[int, Sequence[Line]], page_count: int) -> Style:
    """The style that a sample of pages, by index, shows."""
    sizes: Counter[float] = Counter()
    bold: Counter[bool] = Counter()
    for page in pages.values():
        for line in page:
            sizes[_rounded(line.size)] += len(line.text)
            bold[line.bold] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    headings = tuple(sorted((each for each in sizes if each >= body * _LARGER), reverse=True))
    running = furniture.running_through({index: lines[:_MAX_LINES] for index, lines in pages.items()})
    compounds = words.compounds(line.text for lines in pages.values() for line in lines)
    return Style(body, bold[True] > bold[False], headings, running, page_count > 1, compounds)


def sampled_pages(count: int) -> list[int]:
    """The pages of the sample: all of a short document; of a long one neighbours, a left page with a right one."""
    if count <= SAMPLED_PAGES:
        return list(range(count))
    pairs = SAMPLED_PAGES // 2
    firsts = [pair * (count - 1) // pairs for pair in range(pairs)]
    return sorted({page for first in firsts for page in (first, first + 1)})


def _rounded(size: float) -> float:
    """Sizes in steps of half a thousandth of the page: about 0.4 points."""
    return round(size * 2000) / 2000
