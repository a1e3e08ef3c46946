"""Pages whose text is not to be used: which they are, and how they look."""

from collections.abc import Sequence
from typing import Any

import pypdfium2.raw as pdfium

from lorekeep_parser.readers import ocr
from lorekeep_parser.readers.pdf.lines import Line

_POINTS_PER_INCH = 72
_MAX_PIXELS = 40_000_000
# Fewer characters than this beside a picture that fills the page are a stamp on a scan.
_LEAST_CHARACTERS = 40
_FULL_PAGE_SHARE = 0.5
_GARBLED_SHARE = 0.3
# So many drawings beside hardly any text may be letters as outlines.
_OUTLINES = 300
_MAX_PICTURES = 2000


def wanted(page: Any, lines: Sequence[Line]) -> bool:
    """Whether the page shows more than its text says: no text but something drawn, a scan with a stamp, or garble."""
    characters = sum(len(each.text) for each in lines)
    drawn = pdfium.FPDFPage_CountObjects(page.raw)
    if characters == 0:
        return bool(drawn > 0)
    if garbled(lines):
        return True
    return characters < _LEAST_CHARACTERS and (drawn >= _OUTLINES or _picture_share(page) > _FULL_PAGE_SHARE)


def garbled(lines: Sequence[Line]) -> bool:
    """Whether much of the text are characters that mean nothing."""
    text = "".join(each.text for each in lines)
    if text.isascii() and text.isprintable():
        return False
    odd = sum(1 for each in text if each == "\ufffd" or "\ue000" <= each <= "\uf8ff" or each < " ")
    return odd > _GARBLED_SHARE * len(text)


def rendered(page: Any) -> ocr.Image:
    """The page as PGM at 300 dpi, less for a page that would have more than 40 megapixels."""
    scale = ocr.DPI / _POINTS_PER_INCH
    pixels = page.get_width() * page.get_height() * scale * scale
    if pixels > _MAX_PIXELS:
        scale *= (_MAX_PIXELS / pixels) ** 0.5
    bitmap = page.render(scale=scale, grayscale=True)
    width, height, stride = bitmap.width, bitmap.height, bitmap.stride
    data = bytes(bitmap.buffer)
    if stride != width:
        data = b"".join(data[row * stride : row * stride + width] for row in range(height))
    bitmap.close()
    return ocr.Image(b"P5 %d %d 255\n" % (width, height) + data, width, height)


def _picture_share(page: Any) -> float:
    """Share of the page that its largest picture covers."""
    area = page.get_width() * page.get_height() or 1.0
    shares = [0.0]
    for each in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = each.get_bounds()
        shares.append((right - left) * (top - bottom) / area)
        if len(shares) > _MAX_PICTURES:
            break
    return max(shares)
