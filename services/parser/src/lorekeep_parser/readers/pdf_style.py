"""What the document's typography means: which size is body text, which are headings, which lines run through it.

Told from a sample of pages spread over the document, the same for the same bytes, so that a resumed reading agrees.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lorekeep_parser.readers import pdf_furniture
from lorekeep_parser.readers.pdf_lines import Line

SAMPLED_PAGES = 16
_LARGER = 1.15
_MAX_HEADING_CHARACTERS = 200
_MAX_BOLD_HEADING_CHARACTERS = 120
_MAX_LEVEL = 6
_SENTENCE_END = (".", ",", ";", "。")


@dataclass(frozen=True)
class Style:
    """`body` is the size of most characters; `headings` the larger sizes, largest first; `running` what repeats."""

    body: float
    body_bold: bool
    headings: tuple[float, ...]
    running: pdf_furniture.Running
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

    def furniture(self, lines: Sequence[Line]) -> list[int]:
        """Of each line of a page: -1 for a running head, 1 for a foot, 0 for neither."""
        return self.running.edges(lines) if self.paged else [0] * len(lines)


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
    return Style(body, bold[True] > bold[False], headings, pdf_furniture.running_through(pages), page_count > 1)


def _rounded(size: float) -> float:
    """Sizes in steps of half a thousandth of the page: about 0.4 points."""
    return round(size * 2000) / 2000
