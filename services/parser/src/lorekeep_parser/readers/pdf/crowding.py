"""Pages that PDFium itself would take minutes for: its time grows with the square of what stands at one height."""

import ctypes
from collections import Counter
from typing import Any

import pypdfium2.raw as pdfium

_MOST_AT_ONE_HEIGHT = 20_000
_STEP = 4.0


def crowded(page: Any) -> bool:
    """Whether so many objects stand at one height that no one could read them."""
    count = pdfium.FPDFPage_CountObjects(page.raw)
    if count <= _MOST_AT_ONE_HEIGHT:
        return False
    sides = [ctypes.c_float() for _ in range(4)]
    heights: Counter[int] = Counter()
    for index in range(count):
        each = pdfium.FPDFPage_GetObject(page.raw, index)
        if pdfium.FPDFPageObj_GetType(each) == pdfium.FPDF_PAGEOBJ_TEXT:
            pdfium.FPDFPageObj_GetBounds(each, *sides)
            heights[int(sides[1].value / _STEP)] += 1
    return max(heights.values(), default=0) > _MOST_AT_ONE_HEIGHT
