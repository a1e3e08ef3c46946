"""The usual way through a PDF: text by PDFium, tables by their rulings, images by character recognition."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import ocr
from lorekeep_parser.readers.elements import Element
from lorekeep_parser.readers.pdf import (
    blocks,
    crowding,
    fallback,
    forms,
    frame,
    lines,
    order,
    properties,
    recognition,
    rulings,
    style,
    tables,
)
from lorekeep_parser.readers.pdf.lines import Sheet

_MAX_KEPT_LINES = 20_000


class PdfReader:
    """Pages in order; each is opened, read and closed, so memory does not grow with their number."""

    media_type = Media.PDF.value
    route = "pypdfium2"

    def __init__(self, path: Path, document: Any, count: int, wishes: Wishes) -> None:
        self.pages_total = count
        self.properties = properties.of_document(document)
        self._document = document
        self._strategy = wishes.strategy
        self._recogniser = ocr.Recogniser(wishes.languages)
        self._fallback = fallback.PageFallback(path)
        self._form = _form(document)
        # The first page stays open from the sample on: a page may take seconds to open.
        self._first: Any = None
        sampled = {} if self._only_ocr else {each: self._sampled(each) for each in style.sampled_pages(count)}
        self._style = style.style_of({index: each.lines for index, each in sampled.items()}, count)
        self._kept = _first_of(sampled)

    @property
    def _only_ocr(self) -> bool:
        return self._strategy == parser_pb2.READ_STRATEGY_OCR_ONLY

    def pages(self, first: int) -> Iterator[Page]:
        """Pages from `first` on."""
        for index in range(first, self.pages_total):
            yield self._read(index)

    def _sampled(self, index: int) -> Sheet:
        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            return Sheet()
        try:
            return Sheet() if crowding.crowded(page) else lines.sheet(page)
        except pypdfium2.PdfiumError:
            return Sheet()
        finally:
            if index == 0:
                self._first = page
            else:
                page.close()

    def _opened(self, index: int) -> Any:
        if index == 0 and self._first is not None:
            page, self._first = self._first, None
            return page
        return self._document[index]

    def _read(self, index: int) -> Page:
        try:
            page = self._opened(index)
        except pypdfium2.PdfiumError:
            return self._fallen_back(index, "PDFium could not open it")
        try:
            if crowding.crowded(page):
                return _given_up(index + 1)
            return self._page(page, index + 1)
        except pypdfium2.PdfiumError:
            return self._fallen_back(index, "PDFium could not read it")
        finally:
            page.close()

    def _fallen_back(self, index: int, cause: str) -> Page:
        read = self._fallback.page(index, cause)
        if not read.skipped:
            self.route = f"pypdfium2+{fallback.ROUTE}"
        return read

    def _page(self, page: Any, number: int) -> Page:
        if self._only_ocr:
            return self._recogniser.page(recognition.rendered(page), number)
        sheet = self._kept.pop(number - 1, None) or lines.sheet(page)
        if not recognition.wanted(page, sheet.lines):
            return self._text(page, sheet, number)
        if self._strategy == parser_pb2.READ_STRATEGY_FAST or not ocr.available():
            read = self._text(page, sheet, number)
            fast = self._strategy == parser_pb2.READ_STRATEGY_FAST
            read.warnings.append(ocr.OFF_WARNING if fast else ocr.WARNING)
            return read
        return self._better(self._recogniser.page(recognition.rendered(page), number), page, sheet, number)

    def _better(self, recognised: Page, page: Any, sheet: Sheet, number: int) -> Page:
        """What was recognised, unless the page's own text says more."""
        own = 0 if recognition.garbled(sheet.lines) else sum(len(each.text) for each in sheet.lines)
        said = [*recognised.elements, *self._written(page, number)]
        if sum(len(each.text) for each in said) <= own:
            read = self._text(page, sheet, number)
            read.warnings = recognised.warnings + read.warnings
            return read
        recognised.elements = said
        return recognised

    def _text(self, page: Any, sheet: Sheet, number: int) -> Page:
        """The page's own text, with its tables and what was written into it."""
        ordered = order.in_reading_order(sheet.lines)
        warnings = []
        try:
            found = tables.found(page, ordered) if sheet.turn == 0 else []
        except rulings.TooManyDrawings:
            found = []
            warnings.append(f"tables_as_text: page {number} has too many drawn lines to find tables among them")
        made = list(blocks.elements(ordered, found, self._style, number))
        for each in made:
            for box in each.boxes:
                frame.turn_back(box, sheet.turn)
        return Page([*made, *self._written(page, number)], warnings=warnings)

    def _written(self, page: Any, number: int) -> list[Element]:
        return list(forms.elements(page, self._form, number))


def _given_up(number: int) -> Page:
    warning = f"page_crowded: page {number} has tens of thousands of words on one line and was not read"
    return Page((), skipped=True, truncations=1, warnings=[warning])


def _form(document: Any) -> Any:
    """PDFium's form environment, where there is a form."""
    if document.get_formtype() == pdfium.FORMTYPE_NONE:
        return None
    document.init_forms()
    return document.formenv


def _first_of(sampled: dict[int, Sheet]) -> dict[int, Sheet]:
    """The sampled pages that need not be read again, as far as they take little memory."""
    kept, total = {}, 0
    for index, sheet in sampled.items():
        total += len(sheet.lines)
        if total > _MAX_KEPT_LINES:
            break
        kept[index] = sheet
    return kept
