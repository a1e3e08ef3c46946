"""Running heads, running feet and page numbers: lines of a page that are no part of what it says.

To take body text for furniture loses it, to take furniture for body text only adds noise; so a line is furniture only
where its repeats, its place, its length and the space around it all say so.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from lorekeep_parser.readers.pdf.lines import Line, usual_pitch

# Share of a page's height, at its top and its foot, that furniture stands in; a lone page number may stand further in.
_EDGE = 0.09
_NUMBER_EDGE = 0.2
_LEAST_REPEATS = 3
# Of the sampled pages, those on which something runs at a place: left and right pages and chapters have heads of their
# own there.
_LEAST_SHARE = 0.5
_MOST_CHARACTERS = 100
# How far, in heights of the page, a running line may stand from where it usually does.
_SAME_PLACE = 0.006
# The step to the body's next line, in usual steps between lines.
_APART = 1.4
_SAME_ROW = 0.5
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"[-–—\s]*(page|seite|p\.)?\s*#\s*((of|von|/)\s*#)?[-–—\s]*", re.IGNORECASE)


@dataclass(frozen=True)
class Running:
    """What runs through a document: the usual place of each line that repeats, by shape, and the step between lines.

    `offsets` are what page numbers are ahead of the pages' indexes.
    """

    places: Mapping[str, float]
    pitch: float
    offsets: frozenset[int]

    def edges(self, lines: Sequence[Line], index: int) -> list[int]:
        """Of each line of the page with an index: -1 for a running head, 1 for a foot, 0 for neither.

        Between furniture and the edge stands nothing else, and between it and the body a gap. A page that would be
        left without body keeps its running lines as such; a page number alone says nothing. So does the first page keep
        its heads: they are a title or a letterhead there, and words that only run would be found nowhere.
        """
        edges = [self._candidate(line, index) for line in lines]
        pitch = min(self.pitch, usual_pitch(lines))
        rows = _rows(lines)
        kept = {*_outermost(rows, lines, edges, -1, pitch), *_outermost(rows[::-1], lines, edges, 1, pitch)}
        edges = [edge if number in kept else 0 for number, edge in enumerate(edges)]
        if all(edges):
            return [edge if _is_number(line) else 0 for edge, line in zip(edges, lines, strict=True)]
        if index == 0:
            return [0 if edge < 0 and not _is_number(line) else edge for edge, line in zip(edges, lines, strict=True)]
        return edges

    def _candidate(self, line: Line, index: int) -> int:
        if _is_number(line):
            return _edge(line, _NUMBER_EDGE) if _offset(line, index) in self.offsets else 0
        usual = self.places.get(_shape(line.text))
        return 0 if usual is None or not _close(line.middle, usual) else _edge(line, _EDGE)


def running_through(pages: Mapping[int, Sequence[Line]]) -> Running:
    """What a sample of pages, by index, shows: short lines that repeat at a place where most pages have such a line."""
    found: dict[str, dict[int, Line]] = defaultdict(dict)
    for index, page in pages.items():
        for line in page:
            if _edge(line, _EDGE):
                found[_shape(line.text)][index] = line
    usual = {shape: median(line.middle for line in lines.values()) for shape, lines in found.items()}
    counts = {shape: sum(_close(line.middle, usual[shape]) for line in found[shape].values()) for shape in found}
    repeated = [shape for shape, count in counts.items() if count >= _LEAST_REPEATS and _may_run(shape, found[shape])]

    def runs(place: float) -> bool:
        return sum(counts[each] for each in repeated if _close(usual[each], place)) >= _LEAST_SHARE * len(pages)

    places = {shape: usual[shape] for shape in repeated if runs(usual[shape])}
    pitch = median([usual_pitch(page) for page in pages.values() if page] or [1.0])
    return Running(places, pitch, _offsets(pages))


def _offsets(pages: Mapping[int, Sequence[Line]]) -> frozenset[int]:
    """How page numbers go with the pages; where too few pages are there to tell, from 1 on."""
    counts = Counter(
        _offset(line, index)
        for index, page in pages.items()
        for line in page
        if _edge(line, _NUMBER_EDGE) and _is_number(line)
    )
    repeated = frozenset(offset for offset, count in counts.items() if count >= _LEAST_REPEATS)
    return repeated or frozenset({1})


def _offset(line: Line, index: int) -> int:
    return int(_DIGITS.findall(line.text)[0][:9]) - index


def _may_run(shape: str, lines: Mapping[int, Line]) -> bool:
    """Whether a line is short, and its numbers stay the same or one of them goes with the pages."""
    if len(shape) > _MOST_CHARACTERS:
        return False
    numbers = [[int(each[:9]) - index for each in _DIGITS.findall(line.text)] for index, line in lines.items()]
    steps = [Counter(column).most_common(1)[0][1] for column in zip(*numbers, strict=True)]
    in_step = max(steps, default=0) >= max(_LEAST_REPEATS, _LEAST_SHARE * len(lines))
    return in_step or len({line.text for line in lines.values()}) == 1


def _is_number(line: Line) -> bool:
    return _PAGE_NUMBER.fullmatch(_shape(line.text)) is not None


def _shape(text: str) -> str:
    """A line with its numbers made alike: page numbers change from page to page."""
    return " ".join(_DIGITS.sub("#", text).split())


def _edge(line: Line, share: float) -> int:
    if line.bottom < share:
        return -1
    return 1 if line.top > 1 - share else 0


def _close(middle: float, usual: float) -> bool:
    return abs(middle - usual) <= _SAME_PLACE


def _rows(lines: Sequence[Line]) -> list[list[int]]:
    """The lines by number, those at one height together, from the top down."""
    rows: list[list[int]] = []
    for index in sorted(range(len(lines)), key=lambda each: lines[each].middle):
        line = lines[index]
        if rows and line.middle - lines[rows[-1][0]].middle < _SAME_ROW * max(line.bottom - line.top, 0.004):
            rows[-1].append(index)
        else:
            rows.append([index])
    return rows


def _outermost(
    rows: Sequence[Sequence[int]], lines: Sequence[Line], edges: Sequence[int], edge: int, pitch: float
) -> list[int]:
    """The candidates in the rows from the edge inward, up to the last row that a gap sets apart from what follows."""
    taken: list[int] = []
    held: list[int] = []
    for row, inner in pairwise([*rows, []]):
        wanted = [index for index in row if edges[index] == edge]
        held += wanted
        if not inner or _apart([lines[index] for index in row], [lines[index] for index in inner], pitch):
            taken, held = taken + held, []
        if len(wanted) < len(row):
            break
    return taken


def _apart(row: Sequence[Line], inner: Sequence[Line], pitch: float) -> bool:
    step = min(abs(near.bottom - far.bottom) for near in row for far in inner)
    return step > _APART * max(pitch, 1.1 * min(each.size for each in (*row, *inner)))
