"""Ruling lines of a PDF page: the straight strokes and the sides of boxes that tables are drawn with."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

# What is looked at on a page; beyond it, it is a drawing.
_MAX_OBJECTS = 20_000
_MAX_SEGMENTS = 20_000
_MAX_RULINGS = 2000
_MAX_DEPTH = 3
_SHORTEST = 6.0
_STRAIGHT = 0.5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A level or an upright stroke: from `start` to `end` along it, in points, at `place` across."""

    upright: bool
    place: float
    start: float
    end: float


class TooManyDrawings(Exception):
    """The page holds more drawn objects than are looked at."""


def rulings(page: Any) -> list[Ruling]:
    """The rulings in the page's own coordinates; TooManyDrawings where they cannot be told within bounds."""
    search = _Search()
    count = pdfium.FPDFPage_CountObjects(page.raw)
    search.objects(count, lambda index: pdfium.FPDFPage_GetObject(page.raw, index), _IDENTITY, 0)
    return search.found


_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1, 0, 0, 1, 0, 0)


class _Search:
    def __init__(self) -> None:
        self.found: list[Ruling] = []
        self._objects = 0
        self._segments = 0

    def objects(self, count: int, at: Any, matrix: _Matrix, depth: int) -> None:
        self._objects += count
        if self._objects > _MAX_OBJECTS:
            raise TooManyDrawings
        for index in range(count):
            each = at(index)
            kind = pdfium.FPDFPageObj_GetType(each)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                self._path(each, _times(_matrix(each), matrix))
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
                self._form(each, _times(_matrix(each), matrix), depth + 1)

    def _form(self, form: Any, matrix: _Matrix, depth: int) -> None:
        count = max(0, pdfium.FPDFFormObj_CountObjects(form))
        self.objects(count, lambda index: pdfium.FPDFFormObj_GetObject(form, index), matrix, depth)

    def _path(self, path: Any, matrix: _Matrix) -> None:
        count = pdfium.FPDFPath_CountSegments(path)
        self._segments += max(0, count)
        if self._segments > _MAX_SEGMENTS:
            raise TooManyDrawings
        for before, after in _strokes(path, count):
            self._stroke(_moved(before, matrix), _moved(after, matrix))
        if len(self.found) > _MAX_RULINGS:
            raise TooManyDrawings

    def _stroke(self, before: Point, after: Point) -> None:
        (x, y), (u, v) = before, after
        if abs(y - v) <= _STRAIGHT and abs(x - u) >= _SHORTEST:
            self.found.append(Ruling(False, (y + v) / 2, min(x, u), max(x, u)))
        elif abs(x - u) <= _STRAIGHT and abs(y - v) >= _SHORTEST:
            self.found.append(Ruling(True, (x + u) / 2, min(y, v), max(y, v)))


def _strokes(path: Any, count: int) -> Iterator[tuple[Point, Point]]:
    """The straight pieces of a path; one that bends is no ruling."""
    x, y = ctypes.c_float(), ctypes.c_float()
    pen = first = (0.0, 0.0)
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = (x.value, y.value)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield pen, point
        pen = point
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield pen, first


def _matrix(each: Any) -> _Matrix:
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(each, matrix):
        return _IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _times(inner: _Matrix, outer: _Matrix) -> _Matrix:
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def _moved(point: Point, matrix: _Matrix) -> Point:
    (x, y), (a, b, c, d, e, f) = point, matrix
    return a * x + c * y + e, b * x + d * y + f
