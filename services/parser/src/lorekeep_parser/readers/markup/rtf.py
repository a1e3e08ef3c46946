"""RTF, token by token: paragraphs, headings, rows of tables, notes; pictures and tables of fonts are passed over."""

from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, property_fields
from lorekeep_parser.readers.markup.rtf_flow import RtfFlow


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "RtfReader":
    """Reads RTF."""
    return RtfReader(path.read_bytes())


class RtfReader:
    """One page."""

    media_type = Media.RTF.value
    route = "rtf"
    pages_total = 1

    def __init__(self, data: bytes) -> None:
        self.properties = document_pb2.Properties()
        self._data = data

    def pages(self, first: int) -> Iterator[Page]:
        """The whole document."""
        if first == 0:
            yield Page(self._elements())

    def _elements(self) -> Iterator[elements.Element]:
        # One character a byte: what stands above ASCII belongs to the code page that is at work there.
        flow = RtfFlow(self._data.decode("latin-1"))
        yield from flow.elements()
        told = flow.info
        property_fields.tell(
            self.properties,
            title=told.get("title", ""),
            authors=told.get("author", "").split(";"),
            created=told.get("creatim", ""),
            modified=told.get("revtim", ""),
            subject=told.get("subject", "") or told.get("doccomm", ""),
            keywords=told.get("keywords", "").split(","),
        )
