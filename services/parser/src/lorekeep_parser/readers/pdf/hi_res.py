"""PDF by unstructured's layout model, where it and its weights are installed; nothing is ever fetched.

The weights come from a model hub and are no part of any package, so this way has never been run where the tests run:
they hold the refusal and the conversion of elements made by hand. The model is given a few pages at a time, cut out by
PDFium into a document of their own, so that memory does not grow with the length of the document.
"""

import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pypdfium2

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import ocr_languages, unstructured_elements
from lorekeep_parser.readers.elements import Element
from lorekeep_parser.readers.pdf import properties
from lorekeep_parser.sandbox import needs
from lorekeep_parser.sandbox.needs import Need

_PAGES_AT_ONCE = 4
_PACKAGES = ("unstructured_inference", "pdf2image", "pdfminer")
_MODEL = "yolox"
_WEIGHTS = "models--unstructuredio--yolo_x_layout"


def require() -> None:
    """Raises where the layout model cannot run here, saying what to install."""
    missing = [each for each in _PACKAGES if importlib.util.find_spec(each) is None]
    if missing:
        raise _unavailable(f"the Python packages {', '.join(missing)}")
    if not (_hub() / _WEIGHTS).is_dir():
        raise _unavailable("the weights of the model `unstructuredio/yolo_x_layout` in the hub's local cache")
    needs.require({Need.UNSTRUCTURED})


class HiResReader:
    """Pages in order, a few at once through the model."""

    media_type = Media.PDF.value
    route = "unstructured.hi_res"

    def __init__(self, path: Path, document: Any, count: int, wishes: Wishes) -> None:
        self.pages_total = count
        self.properties = properties.of_document(document)
        self._document = document
        self._languages = wishes.languages
        self._folder = path.parent

    def pages(self, first: int) -> Iterator[Page]:
        """Pages from `first` on."""
        # The groups are the same wherever reading begins.
        for start in range(first - first % _PAGES_AT_ONCE, self.pages_total, _PAGES_AT_ONCE):
            group = range(start, min(start + _PAGES_AT_ONCE, self.pages_total))
            yield from _paged(self._partitioned(group), group)[max(0, first - start) :]

    def _partitioned(self, group: range) -> list[Any]:
        os.environ["HF_HUB_OFFLINE"] = "1"
        languages, _ = ocr_languages.chosen(self._languages, ocr_languages.installed())
        with TemporaryDirectory(dir=self._folder) as folder:
            part = Path(folder) / "pages.pdf"
            self._cut_out(group, part)
            with unstructured_elements.reading("PDF"):
                return _partitioned(part, languages.split("+"))

    def _cut_out(self, group: range, path: Path) -> None:
        part = pypdfium2.PdfDocument.new()
        try:
            part.import_pages(self._document, list(group))
            part.save(path)
        finally:
            part.close()


def _partitioned(path: Path, languages: Sequence[str]) -> list[Any]:
    from unstructured.partition.pdf import partition_pdf

    found: list[Any] = partition_pdf(
        filename=str(path),
        strategy="hi_res",
        hi_res_model_name=_MODEL,
        infer_table_structure=True,
        languages=languages,
    )
    return found


def _paged(found: Sequence[Any], group: range) -> list[Page]:
    """The model's elements by page: those of a group carry page numbers from 1."""
    pages: list[list[Element]] = [[] for _ in group]
    for each in found:
        index = min(max((each.metadata.page_number or 1) - 1, 0), len(pages) - 1)
        pages[index] += converted(each, group[index] + 1)
    return [Page(elements) for elements in pages]


def converted(element: Any, number: int) -> list[Element]:
    """One of the model's elements with its box, as standing on a page; nothing where it holds nothing."""
    made = list(unstructured_elements.converted([element], number))
    box = _box(getattr(element.metadata, "coordinates", None), number)
    for each in made:
        each.boxes.extend([] if box is None else [box])
    return made


def _box(coordinates: Any, number: int) -> document_pb2.BoundingBox | None:
    """Points in pixels of the page's image, from its top left, as fractions."""
    if coordinates is None or not coordinates.points or coordinates.system is None:
        return None
    width, height = coordinates.system.width or 1, coordinates.system.height or 1
    across = [min(max(x / width, 0.0), 1.0) for x, _ in coordinates.points]
    down = [min(max(y / height, 0.0), 1.0) for _, y in coordinates.points]
    return document_pb2.BoundingBox(page=number, left=min(across), top=min(down), right=max(across), bottom=max(down))


def _hub() -> Path:
    """Where the hub's library keeps what was fetched."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")


def _unavailable(what: str) -> InvalidInput:
    return InvalidInput(
        f"The strategy `hi_res` needs {what}, which the server does not have. Ask its operator to install it, "
        "or use the strategy `auto`.",
        reason="strategy_unavailable",
    )
