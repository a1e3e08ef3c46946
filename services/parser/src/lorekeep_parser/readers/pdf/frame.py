"""Where things stand on a page as it is shown: rotated, cropped, and turned so that its text is upright."""

import ctypes
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

from lorekeep.document.v1 import document_pb2

_DEVICE = 100_000
_PROBE = 1000.0

Sides = tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """The way from the page's own coordinates to fractions of what is shown; `height` is that in points.

    x = xx * px + xy * py + x0, and y likewise. `width` is in points as well.
    """

    xx: float
    xy: float
    x0: float
    yx: float
    yy: float
    y0: float
    width: float
    height: float

    def placed(self, sides: Sides) -> Sides:
        """Left, bottom, right, top in page coordinates as left, top, right, bottom in fractions."""
        left, bottom, right, top = sides
        ax, ay = self.xx * left + self.xy * bottom + self.x0, self.yx * left + self.yy * bottom + self.y0
        bx, by = self.xx * right + self.xy * top + self.x0, self.yx * right + self.yy * top + self.y0
        return _held(min(ax, bx)), _held(min(ay, by)), _held(max(ax, bx)), _held(max(ay, by))

    def turn_of(self, a: float, b: float) -> int:
        """The direction in which text with such a matrix runs, in quarters of a turn clockwise from upright."""
        across = (self.xx * a + self.xy * b) * self.width
        down = (self.yx * a + self.yy * b) * self.height
        if abs(across) >= abs(down):
            return 0 if across >= 0 else 2
        return 1 if down > 0 else 3

    def turned(self, turn: int) -> "Frame":
        """The frame in which text that runs in a direction is upright."""
        across, down = (self.xx, self.xy, self.x0), (self.yx, self.yy, self.y0)
        if turn == 1:
            return Frame(*down, *_mirrored(across), self.height, self.width)
        if turn == 2:
            return Frame(*_mirrored(across), *_mirrored(down), self.width, self.height)
        if turn == 3:
            return Frame(*_mirrored(down), *across, self.height, self.width)
        return self


def of_page(page: Any) -> Frame:
    """The frame of a pypdfium2 page."""
    x0, y0 = _shown(page, 0.0, 0.0)
    xx, yx = _shown(page, _PROBE, 0.0)
    xy, yy = _shown(page, 0.0, _PROBE)
    scaled = [each / _PROBE for each in (xx - x0, xy - x0, yx - y0, yy - y0)]
    width, height = page.get_width() or 1.0, page.get_height() or 1.0
    return Frame(scaled[0], scaled[1], x0, scaled[2], scaled[3], y0, width, height)


def turn_back(box: document_pb2.BoundingBox, turn: int) -> None:
    """A box of a page that was turned, as it stands on the page that is shown."""
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    if turn == 1:
        box.left, box.right, box.top, box.bottom = 1 - bottom, 1 - top, left, right
    elif turn == 2:
        box.left, box.right, box.top, box.bottom = 1 - right, 1 - left, 1 - bottom, 1 - top
    elif turn == 3:
        box.left, box.right, box.top, box.bottom = top, bottom, 1 - right, 1 - left


def _shown(page: Any, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page.raw, 0, 0, _DEVICE, _DEVICE, 0, x, y, across, down)
    return across.value / _DEVICE, down.value / _DEVICE


def _mirrored(axis: tuple[float, float, float]) -> tuple[float, float, float]:
    return -axis[0], -axis[1], 1 - axis[2]


def _held(value: float) -> float:
    return min(max(value, 0.0), 1.0)
