"""HTML in one pass by lxml's parser: quicker than `unstructured` and with less lost; docs/decisions/0008-markup.md."""

from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements
from lorekeep_parser.readers.markup import xhtml
from lorekeep_parser.readers.markup.html_flow import html_elements
from lorekeep_parser.readers.markup.html_head import Head


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "MarkupReader":
    """Reads HTML or XHTML."""
    return MarkupReader(decoding.decoded(path.read_bytes())[0])


class MarkupReader:
    """One page."""

    media_type = Media.HTML.value
    route = "html"
    pages_total = 1

    def __init__(self, text: str) -> None:
        self.properties = document_pb2.Properties()
        self._text = text

    def pages(self, first: int) -> Iterator[Page]:
        """The whole document."""
        if first == 0:
            yield Page(self._elements())

    def _elements(self) -> Iterator[elements.Element]:
        head = Head()
        yield from titled(page_elements(self._text, 0, head), head)
        head.tell(self.properties)


def page_elements(text: str, page: int, head: Head) -> Iterator[elements.Element]:
    """The elements of a page of HTML or XHTML."""
    return html_elements(xhtml.as_html(text) if xhtml.is_xhtml(text) else text.replace("\x00", ""), page, head)


def titled(found: Iterator[elements.Element], head: Head) -> Iterator[elements.Element]:
    """Puts the title in front, where the page does not begin with it."""
    first = next(found, None)
    if first is None:
        return
    if head.title and first.text != head.title:
        yield elements.front_matter([("Title", head.title)])
    yield first
    yield from found
