"""EPUB: the items of its spine in order, each a page of HTML; what the package tells are properties."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, property_fields
from lorekeep_parser.readers.markup import xml_events
from lorekeep_parser.readers.markup.html_head import Head
from lorekeep_parser.readers.markup.markup import page_elements
from lorekeep_parser.readers.packages import Package, beside

_WHAT = "EPUB"
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# Fonts may be veiled in a book that anybody may read.
_VEILED_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = (
    "application/xhtml+xml",
    "text/html",
    "application/xml",
    "text/xml",
    "image/svg+xml",
    "application/x-dtbook+xml",
)
_MAX_ITEMS = 20_000


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "EpubReader":
    """Reads an EPUB."""
    return EpubReader(Package(path, _WHAT))


class EpubReader:
    """An item of the spine is a page."""

    media_type = Media.EPUB.value
    route = "epub"

    def __init__(self, package: Package) -> None:
        self._package = package
        if package.has(_ENCRYPTION):
            _check_open(package.text_of(_ENCRYPTION))
        self._told = _read(package, _opf_name(package))
        self._items = [each for each in self._told.items() if package.has(each)]
        if not self._items:
            raise failures.corrupt(_WHAT)
        self.pages_total = len(self._items)
        self.properties = document_pb2.Properties()
        self._told.tell(self.properties)

    def pages(self, first: int) -> Iterator[Page]:
        """The items from `first` on. One that is missing or damaged is skipped, and said to be."""
        for number, item in enumerate(self._items[first:], start=first + 1):
            page = Page(())
            page.elements = self._elements(item, number, page)
            yield page

    def _elements(self, item: str, number: int, page: Page) -> Iterator[elements.Element]:
        if number == 1:
            yield from self._told.front_matter()
        try:
            text = self._package.text_of(item)
        except InvalidInput as error:
            if error.reason == "encrypted":
                raise
            page.skipped = True
            page.truncations += 1
            page.warnings.append("chapters_left_out: some chapters of the book are damaged and were not read")
            return
        yield from page_elements(text, number, Head())


class _Opf:
    """The package document: metadata, the manifest, the spine."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._metadata: dict[str, list[str]] = {}
        self._manifest: dict[str, tuple[str, str]] = {}
        self._spine: list[str] = []
        self._pieces: list[str] = []
        self._property = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._pieces = []
        self._property = attributes.get("property", "") if name == "meta" else ""
        if name == "item" and len(self._manifest) < _MAX_ITEMS:
            self._manifest[attributes.get("id", "")] = (attributes.get("href", ""), attributes.get("media-type", ""))
        elif name == "itemref" and len(self._spine) < _MAX_ITEMS:
            self._spine.append(attributes.get("idref", ""))

    def end(self, name: str) -> None:
        """An element ends."""
        text = " ".join("".join(self._pieces).split())
        if text and sum(map(len, self._metadata.values())) < 1000:
            self._metadata.setdefault(self._property or name, []).append(text)
        self._pieces = []

    def data(self, text: str) -> None:
        """Text."""
        self._pieces.append(text)

    def items(self) -> list[str]:
        """The spine's members, or all pages where it names none."""
        named = [self._manifest[each] for each in self._spine if each in self._manifest] or [*self._manifest.values()]
        hrefs = [href for href, media_type in named if media_type in _PAGES or not media_type]
        return list(dict.fromkeys(beside(self._name, each) for each in hrefs))

    def tell(self, properties: document_pb2.Properties) -> None:
        """Writes what the metadata holds."""
        property_fields.tell(
            properties,
            title=self._first("title"),
            authors=self._metadata.get("creator", ()),
            created=self._first("date"),
            modified=self._first("dcterms:modified"),
            subject=self._first("description"),
            keywords=self._metadata.get("subject", ()),
        )

    def front_matter(self) -> Iterator[elements.Element]:
        """Title, authors and publisher."""
        creators = ", ".join(self._metadata.get("creator", ())[:32])
        yield elements.front_matter(
            [("Title", self._first("title")), ("Author", creators), ("Publisher", self._first("publisher"))]
        )

    def _first(self, name: str) -> str:
        return self._metadata.get(name, [""])[0]


class _Container:
    """Names the package document."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if name == "rootfile" and attributes.get("full-path"):
            self.names.append(attributes["full-path"])

    def end(self, name: str) -> None:
        """Nothing."""

    def data(self, text: str) -> None:
        """Nothing."""


def _opf_name(package: Package) -> str:
    container = _Container()
    _walk(package.text_of(_CONTAINER), container)
    name = next(iter(container.names), "")
    if not package.has(name):
        raise failures.corrupt(_WHAT)
    return name


def _read(package: Package, name: str) -> _Opf:
    opf = _Opf(name)
    _walk(package.text_of(name), opf)
    return opf


def _walk(text: str, sink: xml_events.XmlSink) -> None:
    try:
        for _ in xml_events.events(text.encode("utf-8", "replace"), sink):
            pass
    except xml_events.Damaged as error:
        raise failures.corrupt(_WHAT) from error


def _check_open(encryption: str) -> None:
    methods = encryption.count("EncryptionMethod")
    if methods and not any(each in encryption for each in _VEILED_FONTS):
        raise failures.encrypted(_WHAT)
