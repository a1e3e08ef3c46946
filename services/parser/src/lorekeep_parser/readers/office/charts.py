"""Charts: their titles, and the table behind them."""

from collections.abc import Iterator
from typing import Any

from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element

_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MAX_SERIES = 100
_MAX_POINTS = 2000


def elements_of(root: Any, page: int) -> Iterator[Element]:
    """A chart as its titles and the table behind it: a row per category, a column per series.

    Read from its XML, where all kinds of charts keep the same shape; python-pptx knows some kinds only.
    """
    for title in root.iter(f"{_CHART}title"):
        text = "".join(each.text or "" for each in title.iter(f"{_DRAWING}t"))
        yield elements.Element(kind=elements.Kind.ELEMENT_KIND_CAPTION, text=text, page=page)
    series = list(root.iter(f"{_CHART}ser"))[:_MAX_SERIES]
    header = ["", *(" ".join(_points(each, "tx").values()) for each in series)]
    labels: dict[int, str] = {}
    for each in series:
        labels |= _points(each, "cat") or _points(each, "xVal")
    values = [_points(each, "val") or _points(each, "yVal") for each in series]
    if not labels:
        labels = dict.fromkeys((index for each in values for index in each), "")
    rows = [[label, *(each.get(index, "") for each in values)] for index, label in sorted(labels.items())]
    rows = [each for each in (header, *rows) if any(each)]
    if rows:
        yield elements.table([elements.row_text(each) for each in rows], page, elements.table_html(rows))


def _points(series: Any, part: str) -> dict[int, str]:
    """The cached values of a series' name (`tx`), categories (`cat`) or values (`val`), by index."""
    found: dict[int, str] = {}
    for point in series.iterfind(f"{_CHART}{part}//{_CHART}pt"):
        value, index = point.find(f"{_CHART}v"), point.get("idx", "")
        if value is not None and value.text and index.isdigit() and len(found) < _MAX_POINTS:
            found[int(index)] = value.text
    return found
