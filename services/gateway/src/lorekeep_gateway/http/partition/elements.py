"""Our elements and chunks as the element JSON of the unstructured API."""

import base64
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any
from uuid import uuid4

from lorekeep.document.v1 import document_pb2
from lorekeep.document.v1.document_pb2 import Chunk, Element, ElementKind
from lorekeep_gateway.http.partition import languages, tables
from lorekeep_gateway.http.partition.parameters import Parameters
from lorekeep_gateway.http.schemas.partition import Coordinates, PartitionedElement, PartitionedMetadata

_TYPES: dict[int, str] = {
    ElementKind.ELEMENT_KIND_HEADING: "Title",
    ElementKind.ELEMENT_KIND_LIST_ITEM: "ListItem",
    ElementKind.ELEMENT_KIND_TABLE: "Table",
    ElementKind.ELEMENT_KIND_CAPTION: "FigureCaption",
    ElementKind.ELEMENT_KIND_PAGE_HEADER: "Header",
    ElementKind.ELEMENT_KIND_PAGE_FOOTER: "Footer",
    ElementKind.ELEMENT_KIND_CODE: "CodeSnippet",
    ElementKind.ELEMENT_KIND_FRONT_MATTER: "UncategorizedText",
}
_FURNITURE = ("Header", "Footer", "PageBreak")
_ID_DIGITS = 32
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,253}\.[^\s@.]{2,63}")
_SENTENCE_END = re.compile(r"[.!?…。！？।۔](?:\s|$|[\"'”’)\]»」])|[。！？]")
_LEAST_WORDS = 5
_MANY_WORDS = 15
_LEAST_UNSPACED = 12
# The names by which a caller opts a type out of tables as HTML.
_ENDINGS = {"jpeg": "jpg", "tiff": "tif"}


class Partition:
    """One document's elements under its name. Ids are the same for the same document, unless they are to be unique."""

    def __init__(self, name: str, verdict: document_pb2.Verdict, media_type: str, parameters: Parameters) -> None:
        self._name = name
        self._parameters = parameters
        self._filetype = verdict.media_type or media_type
        told = languages.three_letters(verdict.language)
        self._languages = [told] if told else parameters.ocr() or None
        self._with_html = not _opted_out(self._filetype, name, parameters)

    def elements(self, found: Iterable[Element]) -> Iterator[PartitionedElement]:
        """Elements in the order of their pages, each under the heading above it."""
        numbers, above, page = _Numbers(self._name), list[tuple[int, str]](), 0
        for each in _in_page_order(found):
            if self._parameters.include_page_breaks and 0 < page < each.page:
                yield self._made("PageBreak", "", self._identity(numbers, "", self._page(page)), page)
            page = each.page or page
            identity = self._identity(numbers, each.text, self._page(each.page))
            yield self._element(each, identity, above)

    def chunks(self, found: Iterable[Chunk], elements: Sequence[Element]) -> Iterator[PartitionedElement]:
        """Chunks in order, each with the elements that it was made of where these are asked for."""
        numbers, made = _Numbers(self._name), list(self._of_passages(elements))
        ends = _Window(made)
        for chunk in found:
            text = f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
            kind = "Table" if chunk.kind == ElementKind.ELEMENT_KIND_TABLE else "CompositeElement"
            identity = self._identity(numbers, text, self._page(chunk.page))
            html = tables.html_of(text, "") if kind == "Table" and self._with_html else None
            orig = ends.within(chunk.start, chunk.end) if self._parameters.include_orig_elements else None
            yield self._made(kind, text, identity, chunk.page, text_as_html=html, orig_elements=orig)

    def _of_passages(self, elements: Sequence[Element]) -> Iterator[tuple[Element, PartitionedElement]]:
        """Each element beside what it becomes, without page breaks and what stands on the edges of pages."""
        numbers, above = _Numbers(self._name), list[tuple[int, str]]()
        for each in _in_page_order(elements):
            identity = self._identity(numbers, each.text, self._page(each.page))
            shown = self._element(each, identity, above)
            if shown.type not in _FURNITURE:
                yield each, shown

    def _element(self, element: Element, identity: str, above: list[tuple[int, str]]) -> PartitionedElement:
        kind, depth = type_of(element), None
        if kind == "Title":
            depth = max(element.level, 1) - 1
            above[:] = [each for each in above if each[0] < depth]
        parent = above[-1][1] if above and kind not in _FURNITURE else None
        if depth is not None:
            above.append((depth, identity))
        return self._made(
            kind,
            element.text,
            identity,
            element.page,
            parent_id=parent,
            category_depth=depth,
            text_as_html=tables.html_of(element.text, element.html) if kind == "Table" and self._with_html else None,
            coordinates=coordinates_of(element) if self._parameters.coordinates else None,
        )

    def _made(self, kind: str, text: str, identity: str, page: int, **told: Any) -> PartitionedElement:
        metadata = PartitionedMetadata(
            filename=self._name,
            filetype=self._filetype,
            languages=self._languages,
            page_number=self._page(page),
            **told,
        )
        return PartitionedElement(type=kind, element_id=identity, text=text, metadata=metadata)

    def _page(self, page: int) -> int | None:
        return page + self._parameters.starting_page_number - 1 if page else None

    def _identity(self, numbers: "_Numbers", text: str, page: int | None) -> str:
        return str(uuid4()) if self._parameters.unique_element_ids else numbers.identity(text, page)


class _Numbers:
    """Counts elements by page: an id is a hash of file name, text, page, and place on that page."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts: Counter[int | None] = Counter()

    def identity(self, text: str, page: int | None) -> str:
        place = self._counts[page]
        self._counts[page] += 1
        told = f"{self._name}{text}{page}{place}".encode("utf-8", "replace")
        return hashlib.sha256(told).hexdigest()[:_ID_DIGITS]


class _Window:
    """Elements by their place in the text, for ranges that only move on."""

    def __init__(self, made: Sequence[tuple[Element, PartitionedElement]]) -> None:
        self._made = sorted(made, key=lambda each: each[0].start)
        self._first = 0
        self._range, self._held = (0, 0), packed([])

    def within(self, start: int, end: int) -> str:
        """The elements that a range of the text is made of, packed."""
        while self._first < len(self._made) and self._made[self._first][0].end <= start:
            self._first += 1
        last = self._first
        while last < len(self._made) and self._made[last][0].start < end:
            last += 1
        return self._packed(self._first, last)

    def _packed(self, first: int, last: int) -> str:
        """Kept for the next chunk: those that one long element was cut into have the same."""
        if (first, last) != self._range:
            self._range, self._held = (first, last), packed([shown for _, shown in self._made[first:last]])
        return self._held


def type_of(element: Element) -> str:
    """The type of an element by that API's names."""
    kind = _TYPES.get(element.kind)
    if kind is not None:
        return kind
    if _EMAIL.fullmatch(element.text[:400].strip()):
        return "EmailAddress"
    return "NarrativeText" if is_narrative(element.text) else "UncategorizedText"


def is_narrative(text: str) -> bool:
    """Whether a text reads as sentences: one ends in it and it has some words, or it has many words."""
    words = len(text.split(maxsplit=_MANY_WORDS))
    letters = sum(map(str.isalpha, text[:2000]))
    if letters * 2 < len(text[:2000]):
        return False
    if words >= _MANY_WORDS:
        return True
    ended = _SENTENCE_END.search(text) is not None
    return ended and (words >= _LEAST_WORDS or (not text.isascii() and len(text) >= _LEAST_UNSPACED * words))


def coordinates_of(element: Element) -> Coordinates | None:
    """The rectangle around an element on its first page, on a layout of width and height 1, origin at the top left."""
    boxes = [each for each in element.boxes if each.page == element.page]
    if not boxes:
        return None
    left, right = min(each.left for each in boxes), max(each.right for each in boxes)
    top, bottom = min(each.top for each in boxes), max(each.bottom for each in boxes)
    corners = [(left, top), (left, bottom), (right, bottom), (right, top)]
    points = [(round(x, 5), round(y, 5)) for x, y in corners]
    return Coordinates(points=points, system="PixelSpace", layout_width=1, layout_height=1)


def packed(elements: Sequence[PartitionedElement]) -> str:
    """Elements as `orig_elements` holds them: JSON, deflated, in base64."""
    told = "[" + ", ".join(each.model_dump_json(exclude_none=True) for each in elements) + "]"
    return base64.b64encode(zlib.compress(told.encode("utf-8", "replace"))).decode("ascii")


def _in_page_order(found: Iterable[Element]) -> Iterator[Element]:
    """Page headers before the text of their page; they come behind it from the parser."""
    for _, page in groupby(found, key=lambda each: each.page):
        held = list(page)
        yield from (each for each in held if each.kind == ElementKind.ELEMENT_KIND_PAGE_HEADER)
        yield from (each for each in held if each.kind != ElementKind.ELEMENT_KIND_PAGE_HEADER)


def _opted_out(filetype: str, name: str, parameters: Parameters) -> bool:
    ending = name.rpartition(".")[2].lower()
    skipped = {each.lower().lstrip(".") for each in parameters.skip_infer_table_types}
    if filetype == "application/pdf" and not parameters.pdf_infer_table_structure:
        return True
    return bool({ending, _ENDINGS.get(ending, ending), filetype, filetype.rpartition("/")[2]} & skipped)
