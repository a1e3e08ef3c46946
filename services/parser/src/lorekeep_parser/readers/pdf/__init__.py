"""PDF: PDFium reads it page by page; pages without usable text go to character recognition."""

from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import TooLarge
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Reader, Wishes
from lorekeep_parser.readers import ocr
from lorekeep_parser.readers.pdf import fallback, hi_res
from lorekeep_parser.readers.pdf.reader import PdfReader

_MAX_PAGES = 50_000
_PROTECTED = (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> Reader:
    """Reads a PDF as wished; ENCRYPTED or CORRUPT where it cannot be opened, STRATEGY_UNAVAILABLE as it says."""
    if wishes.strategy == parser_pb2.READ_STRATEGY_HI_RES:
        hi_res.require()
    if wishes.strategy == parser_pb2.READ_STRATEGY_OCR_ONLY and not ocr.available():
        raise ocr.unavailable()
    try:
        document = pypdfium2.PdfDocument(path)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in _PROTECTED:
            raise failures.encrypted("PDF") from error
        return fallback.opened(path, "PDFium could not open the document")
    if count > _MAX_PAGES:
        raise TooLarge(
            f"The PDF says that it has {count} pages; at most {_MAX_PAGES} are read. Split it.", reason="too_many_pages"
        )
    if count == 0:
        return fallback.opened(path, "PDFium found no page in the document")
    if wishes.strategy == parser_pb2.READ_STRATEGY_HI_RES:
        return hi_res.HiResReader(path, document, count, wishes)
    return PdfReader(path, document, count, wishes)
