"""PDF by pypdfium2, page by page; pages without usable text by character recognition."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import ocr, pdf_blocks, pdf_lines, pdf_order, pdf_style
from lorekeep_parser.readers.pdf_lines import Line

_POINTS_PER_INCH = 72
_MAX_PIXELS = 40_000_000
# Fewer characters than this beside a picture that fills the page are a stamp on a scan.
_LEAST_CHARACTERS = 40
_FULL_PAGE_SHARE = 0.5
_GARBLED_SHARE = 0.3


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "PdfReader":
    """Reads a PDF; ENCRYPTED or CORRUPT where it cannot be opened."""
    try:
        document = pypdfium2.PdfDocument(path)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise failures.encrypted("PDF") from error
        raise failures.corrupt("PDF") from error
    if count == 0:
        raise failures.corrupt("PDF")
    return PdfReader(document, count)


class PdfReader:
    """Pages in order; each is opened, read and closed, so memory does not grow with their number."""

    media_type = Media.PDF.value
    route = "pypdfium2"

    def __init__(self, document: Any, count: int) -> None:
        self.properties = document_pb2.Properties()
        self._document = document
        self.pages_total = count
        self._style = pdf_style.style_of({each: self._sampled(each) for each in _spread(count)}, count)

    def pages(self, first: int) -> Iterator[Page]:
        """Pages from `first` on."""
        for index in range(first, self.pages_total):
            yield self._read(index)

    def _sampled(self, index: int) -> list[Line]:
        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            return []
        try:
            return pdf_lines.lines(page)
        finally:
            page.close()

    def _read(self, index: int) -> Page:
        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            return Page((), skipped=True, warnings=[f"page_broken: page {index + 1} could not be opened"])
        try:
            return self._page(page, index + 1)
        except pypdfium2.PdfiumError:
            return Page((), skipped=True, warnings=[f"page_broken: page {index + 1} could not be read"])
        finally:
            page.close()

    def _page(self, page: Any, number: int) -> Page:
        lines = pdf_order.in_reading_order(pdf_lines.lines(page))
        if not _wants_recognition(page, lines):
            return Page(list(pdf_blocks.elements(lines, self._style, number)))
        if not ocr.available():
            return Page(list(pdf_blocks.elements(lines, self._style, number)), warnings=[ocr.WARNING])
        recognised = ocr.elements(*_rendered(page, number))
        if sum(len(each.text) for each in recognised) <= sum(len(each.text) for each in lines if not _garbled(lines)):
            return Page(list(pdf_blocks.elements(lines, self._style, number)))
        return Page(recognised, ocr=True)


def _spread(count: int) -> list[int]:
    """Pages of the sample: the first ones of a short document, spread over a long one."""
    sampled = min(count, pdf_style.SAMPLED_PAGES)
    return sorted({index * count // sampled for index in range(sampled)})


def _wants_recognition(page: Any, lines: list[Line]) -> bool:
    """Whether the page shows more than its text says: no text but something drawn, a scan with a stamp, or garble."""
    characters = sum(len(each.text) for each in lines)
    if characters == 0:
        return any(True for _ in page.get_objects(max_depth=1))
    if _garbled(lines):
        return True
    return characters < _LEAST_CHARACTERS and _picture_share(page) > _FULL_PAGE_SHARE


def _garbled(lines: list[Line]) -> bool:
    text = "".join(each.text for each in lines)
    odd = sum(1 for each in text if each == "\ufffd" or "\ue000" <= each <= "\uf8ff" or each < " ")
    return odd > _GARBLED_SHARE * len(text)


def _picture_share(page: Any) -> float:
    """Share of the page that its largest picture covers."""
    area = page.get_width() * page.get_height() or 1.0
    shares = [0.0]
    for each in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = each.get_bounds()
        shares.append((right - left) * (top - bottom) / area)
    return max(shares)


def _rendered(page: Any, number: int) -> tuple[bytes, int, int, int]:
    """The page as PGM at 300 dpi, less for a page that would have more than 40 megapixels; with number and size."""
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
    return b"P5 %d %d 255\n" % (width, height) + data, number, width, height
