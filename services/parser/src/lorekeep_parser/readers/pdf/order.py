"""Reading order. The content's own order is mostly right; where it jumps about, columns are found and followed."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from lorekeep_parser.readers.pdf.lines import Line

_LEAST_JUMPS = 3
_JUMP_SHARE = 0.15
_LEAST_IN_COLUMN = 3
_SAME_ROW = 0.5
# How lines of one paragraph stand to each other: their left sides, and the step between them in sizes of the font.
_ALIGNED = 0.02
_CLOSE = 1.7
_MAX_DEPTH = 8
# Steps across the page in which a gutter is sought, the fewest that make one, and the share of lines that may cross it.
_STEPS = 400
_GUTTER_STEPS = 6
_CROSSING_SHARE = 0.2
# What makes a column one of running text and not of a table's cells.
_PROSE_CHARACTERS = 15
# What share of a column's width a line must fill, and what share of the lines must. Where the content goes row by row
# a table is likelier than columns, and its cells end anywhere.
_FILLED = (0.6, 0.4)
_WELL_FILLED = (0.8, 0.6)
_LETTERS_SEEN = 2000


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines as a person reads them; what runs in another direction than the page comes last."""
    upright = [each for each in lines if not each.aside]
    aside = [each for each in lines if each.aside]
    mirrored = _from_right_to_left(upright)
    if mirrored:
        _mirror(upright)
    if _disordered(upright) or _interleaved(upright):
        upright = _cut(upright)
    if mirrored:
        _mirror(upright)
    return upright + aside


def same_row(before: Line, line: Line) -> bool:
    """Pieces of one row: cells of a table, or words set apart."""
    overlap = min(before.bottom, line.bottom) - max(before.top, line.top)
    return overlap > 0.6 * min(before.bottom - before.top, line.bottom - line.top) > 0


def _disordered(lines: Sequence[Line]) -> bool:
    jumps = sum(1 for before, after in pairwise(lines) if _jumps_back(before, after))
    return jumps >= max(_LEAST_JUMPS, len(lines) * _JUMP_SHARE)


def _interleaved(lines: Sequence[Line]) -> bool:
    """Whether columns of running text lie row by row in the content."""
    beside = sum(1 for before, after in pairwise(lines) if _apart(before, after) and same_row(before, after))
    return beside >= max(_LEAST_IN_COLUMN, len(lines) * _JUMP_SHARE) and _gutter(lines, _WELL_FILLED) is not None


def _apart(before: Line, after: Line) -> bool:
    return after.left > before.right or after.right < before.left


def _jumps_back(before: Line, after: Line) -> bool:
    """Upwards within one column or to the left; upwards into the next column is how columns are read."""
    overlap = min(before.right, after.right) - max(before.left, after.left)
    narrower = min(before.right - before.left, after.right - after.left)
    return after.middle < before.top and (overlap > 0.5 * narrower or after.right <= before.left)


def _cut(lines: Sequence[Line], depth: int = 0) -> list[Line]:
    """Columns left to right where a gutter parts the lines, else top to bottom. A line across it parts the columns."""
    place = _gutter(lines) if depth < _MAX_DEPTH else None
    if place is None:
        return _rows(lines)
    across = sorted((each for each in lines if each.left < place < each.right), key=lambda each: each.middle)
    levels = [each.middle for each in across]
    bands: list[list[Line]] = [[] for _ in range(len(across) + 1)]
    for line in lines:
        if not line.left < place < line.right:
            bands[bisect_right(levels, line.middle)].append(line)
    ordered = _sides(bands[0], place, depth)
    for line, band in zip(across, bands[1:], strict=True):
        ordered += [line, *_sides(band, place, depth)]
    return ordered


def _sides(band: Sequence[Line], place: float, depth: int) -> list[Line]:
    left = [each for each in band if each.right <= place]
    right = [each for each in band if each.right > place]
    return _cut(left, depth + 1) + _cut(right, depth + 1)


def _gutter(lines: Sequence[Line], filling: tuple[float, float] = _FILLED) -> float | None:
    """The middle of the widest strip that few lines cross and that has running text on both sides."""
    if len(lines) < 2 * _LEAST_IN_COLUMN:
        return None
    crossed = _crossed(lines)
    lefts, rights = sorted(each.left for each in lines), sorted(each.right for each in lines)
    candidates = []
    for first, last in _strips([each <= len(lines) * _CROSSING_SHARE for each in crossed]):
        place = (first + last) / 2 / _STEPS
        beside = min(bisect_right(rights, place), len(lines) - bisect_left(lefts, place))
        if last - first >= _GUTTER_STEPS and beside >= _LEAST_IN_COLUMN:
            candidates.append((max(crossed[first:last]), first - last, place))
    return next((place for _, _, place in sorted(candidates) if _between_prose(lines, place, filling)), None)


def _crossed(lines: Sequence[Line]) -> list[int]:
    """Of each step across the page, how many lines lie on it."""
    changes = [0] * (_STEPS + 2)
    for line in lines:
        changes[int(line.left * _STEPS)] += 1
        changes[int(line.right * _STEPS) + 1] -= 1
    return list(accumulate(changes))[:_STEPS]


def _strips(free: Sequence[bool]) -> list[tuple[int, int]]:
    edges = [index for index, (a, b) in enumerate(pairwise([False, *free, False])) if a != b]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _between_prose(lines: Sequence[Line], place: float, filling: tuple[float, float]) -> bool:
    left, right = [each for each in lines if each.right <= place], [each for each in lines if each.left >= place]
    return _prose(left, filling) and _prose(right, filling)


def _prose(lines: Sequence[Line], filling: tuple[float, float]) -> bool:
    if len(lines) < _LEAST_IN_COLUMN:
        return False
    width = max(each.right - each.left for each in lines)
    filled = sum(1 for each in lines if each.right - each.left >= filling[0] * width)
    characters = sum(len(each.text) for each in lines)
    return filled >= filling[1] * len(lines) and characters >= _PROSE_CHARACTERS * len(lines)


def _rows(lines: Sequence[Line]) -> list[Line]:
    """Top to bottom; what begins at one height left to right. Lines that follow closely under one another stay so."""
    rows: list[list[list[Line]]] = []
    for stack in sorted(_stacks(lines), key=lambda each: each[0].middle):
        first = rows[-1][0][0] if rows else None
        if first and stack[0].middle - first.middle <= _SAME_ROW * max(first.bottom - first.top, 0.004):
            rows[-1].append(stack)
        else:
            rows.append([stack])
    return [line for row in rows for stack in sorted(row, key=lambda each: each[0].left) for line in stack]


def _stacks(lines: Sequence[Line]) -> list[list[Line]]:
    stacks: list[list[Line]] = []
    for line in lines:
        if stacks and _follows(stacks[-1][-1], line):
            stacks[-1].append(line)
        else:
            stacks.append([line])
    return stacks


def _follows(before: Line, line: Line) -> bool:
    step = line.bottom - before.bottom
    return abs(line.left - before.left) < _ALIGNED and 0 < step < _CLOSE * max(line.size, before.size)


def _from_right_to_left(lines: Sequence[Line]) -> bool:
    """Whether most letters are of a script that runs to the left."""
    letters = [each for line in lines[:_LETTERS_SEEN] for each in line.text[:5] if each.isalpha()]
    return sum(unicodedata.bidirectional(each) in ("R", "AL") for each in letters) > len(letters) / 2


def _mirror(lines: Sequence[Line]) -> None:
    for line in lines:
        line.left, line.right = 1 - line.right, 1 - line.left
