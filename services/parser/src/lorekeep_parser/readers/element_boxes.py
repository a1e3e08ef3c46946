"""Coordinates of the unstructured API as boxes: any unit and either origin there, fractions from the top left here."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from lorekeep.document.v1.document_pb2 import BoundingBox

# Systems whose origin lies at the bottom left, and those whose origin lies at the top left.
_FROM_BOTTOM = ("PointSpace", "RelativeCoordinateSystem")
_SYSTEMS = ("PixelSpace", "CoordinateSystem", *_FROM_BOTTOM)
_MAX_POINTS = 1000


def boxes_of(told: Any, page: int) -> Iterator[BoundingBox]:
    """The box around the points; none where they say nothing that can be understood."""
    if not isinstance(told, dict):
        return
    system, points = told.get("system"), told.get("points")
    width: Any = told.get("layout_width")
    height: Any = told.get("layout_height")
    if system == "RelativeCoordinateSystem":
        width = height = 1.0
    if system not in _SYSTEMS or not _size(width) or not _size(height) or not isinstance(points, list):
        return
    places = [_place(each) for each in points[:_MAX_POINTS]]
    if len(places) < 2 or None in places:
        return
    across = sorted(_share(each[0], width) for each in places if each)
    down = sorted(_share(each[1], height) for each in places if each)
    if system in _FROM_BOTTOM:
        down = sorted(1 - each for each in down)
    yield BoundingBox(page=page, left=across[0], right=across[-1], top=down[0], bottom=down[-1])


def _size(told: Any) -> bool:
    return _number(told) and told > 0


def _number(told: Any) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and abs(told) < 1e9 and isfinite(told)


def _place(told: Any) -> tuple[float, float] | None:
    if not isinstance(told, list) or len(told) != 2 or not all(map(_number, told)):
        return None
    return float(told[0]), float(told[1])


def _share(place: float, whole: float) -> float:
    return min(max(place / whole, 0.0), 1.0)
