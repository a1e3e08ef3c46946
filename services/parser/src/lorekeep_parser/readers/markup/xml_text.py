"""XML of any vocabulary: feeds, articles, books, drawings, records."""

import re
from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, property_fields
from lorekeep_parser.readers.markup import xml_events
from lorekeep_parser.readers.markup.html_flow import parsed
from lorekeep_parser.readers.markup.xhtml import as_html
from lorekeep_parser.readers.markup.xml_flow import XmlFlow
from lorekeep_parser.readers.office.opendocument_flow import OpenDocumentFlow

# An OpenDocument in one file, where settings and pictures stand beside what is shown.
_FLAT_DOCUMENT = re.compile(r"<office:document[\s>]")
_ROOT_WITHIN = 8192
_DAMAGED = "damaged_markup: the XML is not well-formed; it was read as far as its tags tell"


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "XmlReader":
    """Reads XML."""
    return XmlReader(kind, decoding.decoded(path.read_bytes())[0])


class XmlReader:
    """One page."""

    route = "xml"
    pages_total = 1

    def __init__(self, kind: Media, text: str) -> None:
        self.media_type = kind.value
        self.properties = document_pb2.Properties()
        self._text = text.lstrip("\ufeff \t\r\n").replace("\x00", "")

    def pages(self, first: int) -> Iterator[Page]:
        """The whole document."""
        if first > 0:
            return
        page = Page(())
        page.elements = self._elements(page)
        yield page

    def _elements(self, page: Page) -> Iterator[elements.Element]:
        data = self._text.encode("utf-8", "replace")
        empty = True
        for each in self._walked(data, page):
            empty = False
            yield each
        if empty:
            # A document of attributes alone is shown as it stands.
            yield elements.Element(kind=elements.Kind.ELEMENT_KIND_CODE, text=self._text)

    def _walked(self, data: bytes, page: Page) -> Iterator[elements.Element]:
        if _FLAT_DOCUMENT.search(self._text, 0, _ROOT_WITHIN) and xml_events.well_formed(data):
            yield from _flat_document(data)
            return
        flow = XmlFlow()
        if not xml_events.well_formed(data):
            page.warnings.append(_DAMAGED)
            yield from parsed(as_html(self._text), flow)
            return
        for _ in xml_events.events(data, flow):
            yield from flow.taken()
        flow.close()
        yield from flow.taken()
        property_fields.tell(self.properties, title=flow.title)


def _flat_document(data: bytes) -> Iterator[elements.Element]:
    flow = OpenDocumentFlow(paged=False)
    for _ in xml_events.events(data, flow, prefixed=True):
        yield from flow.taken()
    flow.close()
    yield from flow.taken()
