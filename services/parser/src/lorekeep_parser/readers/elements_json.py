"""Elements that a server of unstructured's API found, as our elements. It read the document; nothing is read here."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lxml.etree

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import element_boxes, unstructured_elements
from lorekeep_parser.readers.elements import Element, Kind

# As JSON; as objects of Python it takes some ten times of it.
_MAX_BYTES = 96 * 2**20
_MAX_ELEMENTS = 500_000
_MAX_PAGE = 20_000
_MAX_DEPTH = 8
_KINDS = {
    "Title": Kind.ELEMENT_KIND_HEADING,
    "Headline": Kind.ELEMENT_KIND_HEADING,
    "Subheadline": Kind.ELEMENT_KIND_HEADING,
    "Section-header": Kind.ELEMENT_KIND_HEADING,
    "ListItem": Kind.ELEMENT_KIND_LIST_ITEM,
    "List-item": Kind.ELEMENT_KIND_LIST_ITEM,
    "BulletedText": Kind.ELEMENT_KIND_LIST_ITEM,
    "Table": Kind.ELEMENT_KIND_TABLE,
    "TableChunk": Kind.ELEMENT_KIND_TABLE,
    "FigureCaption": Kind.ELEMENT_KIND_CAPTION,
    "Caption": Kind.ELEMENT_KIND_CAPTION,
    "Header": Kind.ELEMENT_KIND_PAGE_HEADER,
    "Page-header": Kind.ELEMENT_KIND_PAGE_HEADER,
    "Footer": Kind.ELEMENT_KIND_PAGE_FOOTER,
    "Page-footer": Kind.ELEMENT_KIND_PAGE_FOOTER,
    "PageNumber": Kind.ELEMENT_KIND_PAGE_FOOTER,
    "CodeSnippet": Kind.ELEMENT_KIND_CODE,
    "Image": Kind.ELEMENT_KIND_IMAGE_TEXT,
}
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-zA-Z0-9.+_-]{1,100}")
# A server that leaves rows out of its HTML has them in its text.
_LEAST_SHARE = 0.8


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "ElementsReader":
    """Reads the answer of such a server; what breaks its form is a damaged document."""
    if path.stat().st_size > _MAX_BYTES:
        raise failures.too_large_unpacked(_MAX_BYTES)
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _corrupt() from error
    if not isinstance(found, list) or len(found) > _MAX_ELEMENTS:
        raise _corrupt()
    return ElementsReader([_checked(each) for each in found])


class ElementsReader:
    """Pages by the numbers that the elements tell; an element without one stands on the page of the one before."""

    route = "remote"

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self.properties = document_pb2.Properties()
        self._pages = _paged(found)
        self.pages_total = len(self._pages)
        filetype = next((each["metadata"].get("filetype") for each in found), None)
        known = isinstance(filetype, str) and _MEDIA_TYPE.fullmatch(filetype)
        self.media_type: str = filetype if isinstance(filetype, str) and known else Media.ELEMENTS.value

    def pages(self, first: int) -> Iterator[Page]:
        """The pages; one that no element names is empty."""
        for found in self._pages[first:]:
            yield Page(_converted(found))


def _paged(found: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = [[]]
    for each in found:
        number = page_of(each)
        while number > len(pages):
            pages.append([])
        pages[-1].append(each)
    return pages


def page_of(found: dict[str, Any]) -> int:
    """The page that an element tells, 0 where it tells none."""
    number = found["metadata"].get("page_number")
    if number is None:
        return 0
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MAX_PAGE:
        raise _corrupt()
    return number


def _converted(found: Iterable[dict[str, Any]]) -> Iterator[Element]:
    for each in found:
        if each["type"] != "PageBreak":
            yield _element(each)


def _element(found: dict[str, Any]) -> Element:
    kind, page = _KINDS.get(found["type"], Kind.ELEMENT_KIND_TEXT), page_of(found)
    if kind == Kind.ELEMENT_KIND_TABLE:
        element = _table(found, page)
    else:
        element = Element(kind=kind, text=_text(found["text"]), page=page)
    if kind == Kind.ELEMENT_KIND_HEADING:
        element.level = _depth(found["metadata"].get("category_depth")) + 1
    if page:
        element.boxes.extend(element_boxes.boxes_of(found["metadata"].get("coordinates"), page))
    return element


def _table(found: dict[str, Any], page: int) -> Element:
    """Rows out of the HTML where there is some that holds what the text does; the text as it is else."""
    html, text = found["metadata"].get("text_as_html"), _text(found["text"])
    if isinstance(html, str) and html.strip():
        try:
            made = unstructured_elements.table_of(_text(html), page)
        except (lxml.etree.LxmlError, ValueError, AssertionError):
            made = None
        if made is not None and _letters(made.text) >= _LEAST_SHARE * _letters(text):
            return made
    return Element(kind=Kind.ELEMENT_KIND_TABLE, text=text, page=page, html="<table></table>")


def _letters(text: str) -> int:
    return sum(map(len, text.split()))


def _depth(told: object) -> int:
    return min(told, _MAX_DEPTH) if isinstance(told, int) and told > 0 else 0


def _text(text: str) -> str:
    """JSON may spell halves of surrogate pairs, which no other text may hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _checked(found: Any) -> dict[str, Any]:
    """An element whose type and text are texts and whose metadata is an object, which may be missing."""
    if not isinstance(found, dict):
        raise _corrupt()
    kind, text, metadata = found.get("type"), found.get("text"), found.get("metadata")
    if not isinstance(kind, str) or not isinstance(text, str | None) or not isinstance(metadata, dict | None):
        raise _corrupt()
    return {"type": kind, "text": text or "", "metadata": metadata or {}}


def _corrupt() -> InvalidInput:
    return InvalidInput(
        "The remote parser's answer is not the element JSON of the unstructured API. Ask your operator to look at it.",
        reason="corrupt",
    )
