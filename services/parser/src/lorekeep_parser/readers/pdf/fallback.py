"""PDF by pdfminer.six, for documents and pages that PDFium does not open: text and places, no typography."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.pdf import words

ROUTE = "pdfminer"
_MAX_PAGES = 5000
_MAX_BYTES = 64 * 2**20


def opened(path: Path, cause: str) -> "FallbackReader":
    """A reader of what PDFium refused, because of `cause`; CORRUPT where pdfminer cannot read it either."""
    if path.stat().st_size > _MAX_BYTES:
        raise failures.corrupt("PDF")
    try:
        pages = _Pages(path)
        _probe(pages)
    except MemoryError:
        raise
    except Exception as error:  # the library raises whatever the bytes lead to
        raise failures.corrupt("PDF") from error
    return FallbackReader(pages, cause)


class FallbackReader:
    """Pages in order, as PDFium's reader gives them."""

    media_type = Media.PDF.value
    route = ROUTE

    def __init__(self, pages: "_Pages", cause: str) -> None:
        self.properties = document_pb2.Properties()
        self.pages_total = len(pages.found)
        self._pages = pages
        self._cause = cause

    def pages(self, first: int) -> Iterator[Page]:
        """Pages from `first` on."""
        for index in range(first, self.pages_total):
            yield page(self._pages, index, self._cause)


class PageFallback:
    """Reads single pages of a document that PDFium opened; its own opening waits until the first of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pages: _Pages | None = None
        self._failed = path.stat().st_size > _MAX_BYTES

    def page(self, index: int, cause: str) -> Page:
        """The page by pdfminer; skipped with a warning where that fails too."""
        if self._pages is None and not self._failed:
            self._open()
        if self._pages is None:
            return _broken(index, cause)
        read = page(self._pages, index, cause)
        # What PDFium refuses and pdfminer finds nothing in need not even be a page.
        return read if read.elements else _broken(index, cause)

    def _open(self) -> None:
        try:
            self._pages = _Pages(self._path)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - the library raises whatever the bytes lead to
            self._failed = True


class _Pages:
    """The page tree of a document as pdfminer sees it, within bounds."""

    def __init__(self, path: Path) -> None:
        from pdfminer.pdfdocument import PDFDocument
        from pdfminer.pdfpage import PDFPage
        from pdfminer.pdfparser import PDFParser

        self._file = path.open("rb")
        self.found: list[Any] = list(islice(PDFPage.create_pages(PDFDocument(PDFParser(self._file))), _MAX_PAGES))

    def texts(self, index: int) -> list[Element]:
        """The paragraphs of a page."""
        from pdfminer.converter import PDFPageAggregator
        from pdfminer.layout import LAParams, LTTextBox
        from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager

        resources = PDFResourceManager(caching=False)
        device = PDFPageAggregator(resources, pageno=index + 1, laparams=LAParams(boxes_flow=None))
        PDFPageInterpreter(resources, device).process_page(self.found[index])
        layout = device.get_result()
        return [_element(each, layout, index + 1) for each in layout if isinstance(each, LTTextBox)]


def page(pages: _Pages, index: int, cause: str) -> Page:
    """A page with a warning that names why it was read this way."""
    try:
        found = pages.texts(index)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the library raises whatever the bytes lead to
        return _broken(index, cause)
    return Page(found, warnings=[f"fallback: page {index + 1} was read by pdfminer, since {cause}"])


def _probe(pages: _Pages) -> None:
    """Something must be there, or it was no document: ValueError else."""
    if not pages.found:
        raise ValueError("no pages")


def _broken(index: int, cause: str) -> Page:
    return Page((), skipped=True, warnings=[f"page_broken: page {index + 1} could not be read: {cause}"])


def _element(box: Any, layout: Any, number: int) -> Element:
    text = words.joined([line for each in box.get_text().splitlines() if (line := each.strip())])
    width, height = layout.width or 1.0, layout.height or 1.0
    sides = document_pb2.BoundingBox(
        page=number,
        left=_held(box.x0 / width),
        top=_held(1 - box.y1 / height),
        right=_held(box.x1 / width),
        bottom=_held(1 - box.y0 / height),
    )
    return Element(kind=Kind.ELEMENT_KIND_TEXT, text=text, page=number, boxes=[sides])


def _held(value: float) -> float:
    return min(max(value, 0.0), 1.0)
