"""PPTX: text, tables and notes by unstructured; charts by python-pptx, since unstructured leaves them out."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, unstructured_elements
from lorekeep_parser.readers.elements import Element
from lorekeep_parser.readers.unstructured_elements import OPTIONS

_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MAX_SERIES = 100
_MAX_POINTS = 2000


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "SlidesReader":
    """Reads a PPTX."""
    return SlidesReader(path)


class SlidesReader:
    """A slide is a page."""

    media_type = Media.PPTX.value
    route = "unstructured.pptx"

    def __init__(self, path: Path) -> None:
        self.properties = document_pb2.Properties()
        with unstructured_elements.reading("presentation"):
            from pptx import Presentation

            self._slides = list(Presentation(str(path)).slides)
        self._path = path
        self.pages_total = len(self._slides)

    def pages(self, first: int) -> Iterator[Page]:
        """Slides in order, hidden ones too."""
        with unstructured_elements.reading("presentation"):
            from unstructured.partition.pptx import partition_pptx

            found = partition_pptx(filename=str(self._path), include_slide_notes=True, **OPTIONS)
            of_slide = {
                number: list(unstructured_elements.converted(group))
                for number, group in groupby(found, key=lambda each: each.metadata.page_number or 0)
            }
            made = [
                [*of_slide.get(number, ()), *_charts(slide.shapes, number)]
                for number, slide in enumerate(self._slides, start=1)
            ]
        for each in made[first:]:
            yield Page(each)


def _charts(shapes: Any, page: int) -> Iterator[Element]:
    """Charts of a slide, those inside of groups too."""
    for shape in shapes:
        if getattr(shape, "has_chart", False) and shape.has_chart:
            yield from _chart(shape.chart, page)
        elif hasattr(shape, "shapes"):
            yield from _charts(shape.shapes, page)


def _chart(chart: Any, page: int) -> Iterator[Element]:
    """A chart as its titles and the table behind it: a row per category, a column per series.

    Read from its XML, where all kinds of charts keep the same shape; python-pptx knows some kinds only.
    """
    root = chart.part._element
    for title in root.iter(f"{_CHART}title"):
        text = "".join(each.text or "" for each in title.iter(f"{_DRAWING}t"))
        yield elements.Element(kind=elements.Kind.ELEMENT_KIND_CAPTION, text=text, page=page)
    series = list(root.iter(f"{_CHART}ser"))[:_MAX_SERIES]
    header = ["", *(" ".join(_points(each, "tx").values()) for each in series)]
    labels: dict[int, str] = {}
    for each in series:
        labels |= _points(each, "cat")
    values = [_points(each, "val") for each in series]
    rows = [[label, *(each.get(index, "") for each in values)] for index, label in sorted(labels.items())]
    lines = [elements.row_text(each).strip("\t") for each in (header, *rows)]
    if any(lines):
        yield elements.table(lines, page, elements.header_html(header))


def _points(series: Any, part: str) -> dict[int, str]:
    """The cached values of a series' name (`tx`), categories (`cat`) or values (`val`), by index."""
    found: dict[int, str] = {}
    for point in series.iterfind(f"{_CHART}{part}//{_CHART}pt"):
        value, index = point.find(f"{_CHART}v"), point.get("idx", "")
        if value is not None and value.text and index.isdigit() and len(found) < _MAX_POINTS:
            found[int(index)] = value.text
    return found
