"""OpenDocument texts and presentations: one pass over content.xml; a slide is a page."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, property_fields
from lorekeep_parser.readers.markup import xml_events
from lorekeep_parser.readers.office.opendocument_flow import OpenDocumentFlow
from lorekeep_parser.readers.office.opendocument_furniture import Furniture
from lorekeep_parser.readers.packages import Package

_WHAT = "OpenDocument file"
_CONTENT, _META, _STYLES, _MANIFEST = "content.xml", "meta.xml", "styles.xml", "META-INF/manifest.xml"


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "OpenDocumentReader":
    """Reads an ODT, ODP or ODG."""
    package = Package(path, _WHAT)
    if package.has(_MANIFEST) and "encryption-data" in package.text_of(_MANIFEST):
        raise failures.encrypted(_WHAT)
    return OpenDocumentReader(kind, package)


class OpenDocumentReader:
    """A text is one page; a presentation has as many as slides."""

    route = "opendocument"

    def __init__(self, kind: Media, package: Package) -> None:
        self.media_type = kind.value
        self.properties = document_pb2.Properties()
        if package.has(_META):
            _Meta().tell(package.text_of(_META), self.properties)
        self._content = _encoded(package.text_of(_CONTENT))
        self._paged = kind is not Media.ODT
        self._furniture = Furniture()
        if package.has(_STYLES) and not self._paged:
            with suppress(xml_events.Damaged):  # styles that cannot be read hide no text of the document
                for _ in xml_events.events(_encoded(package.text_of(_STYLES)), self._furniture, prefixed=True):
                    pass
        counted = _Slides()
        _walk(self._content, counted, prefixed=True)
        self.pages_total = max(1, counted.count) if self._paged else 1

    def pages(self, first: int) -> Iterator[Page]:
        """Slides from `first` on, notes behind what stands on them."""
        if not self._paged:
            if first == 0:
                yield Page(chain(self._furniture.headers, self._elements(), self._furniture.footers))
            return
        made: dict[int, list[elements.Element]] = {}
        for each in self._elements():
            made.setdefault(each.page, []).append(each)
        for number in range(first + 1, self.pages_total + 1):
            yield Page(made.get(number, ()))

    def _elements(self) -> Iterator[elements.Element]:
        flow = OpenDocumentFlow(self._paged)
        try:
            for _ in xml_events.events(self._content, flow, prefixed=True):
                yield from flow.taken()
        except xml_events.Damaged as error:
            raise failures.corrupt(_WHAT) from error
        flow.close()
        yield from flow.taken()


class _Slides:
    """Counts slides; the first walk also proves that there is a second."""

    def __init__(self) -> None:
        self.count = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self.count += name == "draw:page"

    def end(self, name: str) -> None:
        """Nothing."""

    def data(self, text: str) -> None:
        """Nothing."""


class _Meta:
    """meta.xml."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._pieces: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._pieces = []

    def end(self, name: str) -> None:
        """An element ends."""
        if self._pieces and len(self._found) < 100:
            self._found.setdefault(name, []).append("".join(self._pieces))
        self._pieces = []

    def data(self, text: str) -> None:
        """Text."""
        self._pieces.append(text)

    def tell(self, text: str, properties: document_pb2.Properties) -> None:
        """Reads the member, and writes what it holds."""
        _walk(text.encode("utf-8", "replace"), self)
        first = {name: values[0] for name, values in self._found.items()}
        property_fields.tell(
            properties,
            title=first.get("title", ""),
            authors=[first.get("initial-creator", "") or first.get("creator", "")],
            created=first.get("creation-date", ""),
            modified=first.get("date", ""),
            subject=first.get("description", "") or first.get("subject", ""),
            keywords=self._found.get("keyword", ()),
        )


def _encoded(text: str) -> bytes:
    return text.replace("\x00", "").encode("utf-8", "replace")


def _walk(data: bytes, sink: xml_events.XmlSink, prefixed: bool = False) -> None:
    try:
        for _ in xml_events.events(data, sink, prefixed):
            pass
    except xml_events.Damaged as error:
        raise failures.corrupt(_WHAT) from error
