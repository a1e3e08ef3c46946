"""Reading order. The content's own order is mostly right; where it jumps about, columns are found and followed."""

from collections.abc import Sequence
from itertools import pairwise

from lorekeep_parser.readers.pdf_lines import Line

_LEAST_JUMPS = 3
_JUMP_SHARE = 0.15
_GUTTER = 0.015
_LEAST_IN_COLUMN = 3
_SAME_ROW = 0.5


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines as a person reads them."""
    jumps = sum(1 for before, after in pairwise(lines) if _jumps_back(before, after))
    if jumps < max(_LEAST_JUMPS, len(lines) * _JUMP_SHARE):
        return list(lines)
    return _cut(list(lines))


def _jumps_back(before: Line, after: Line) -> bool:
    """Upwards within one column; upwards into another column is how columns are read."""
    overlap = min(before.right, after.right) - max(before.left, after.left)
    narrower = min(before.right - before.left, after.right - after.left)
    return after.middle < before.top and overlap > 0.5 * narrower


def _cut(lines: list[Line]) -> list[Line]:
    """Columns left to right where a gutter parts the lines, else top to bottom."""
    place = _gutter(lines)
    if place is None:
        return _rows(lines)
    left = [each for each in lines if each.right <= place]
    right = [each for each in lines if each.right > place]
    return _cut(left) + _cut(right)


def _gutter(lines: list[Line]) -> float | None:
    """The left edge of the widest vertical strip that no line enters and that has lines on both sides."""
    widest, place, reach, passed = _GUTTER, None, 0.0, 0
    for line in sorted(lines, key=lambda each: each.left):
        enough = passed >= _LEAST_IN_COLUMN and len(lines) - passed >= _LEAST_IN_COLUMN
        if enough and line.left - reach > widest:
            widest, place = line.left - reach, reach
        reach, passed = max(reach, line.right), passed + 1
    return place


def _rows(lines: list[Line]) -> list[Line]:
    """Top to bottom; lines at one height left to right."""
    ordered: list[Line] = []
    row: list[Line] = []
    for line in sorted(lines, key=lambda each: each.middle):
        if row and line.middle - row[0].middle > _SAME_ROW * max(row[0].bottom - row[0].top, 0.004):
            ordered += sorted(row, key=lambda each: each.left)
            row = []
        row.append(line)
    return ordered + sorted(row, key=lambda each: each.left)
