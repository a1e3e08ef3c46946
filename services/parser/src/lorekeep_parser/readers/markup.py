"""HTML and Markdown by unstructured, from text that was decoded here."""

from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import decoding
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import unstructured_elements
from lorekeep_parser.readers.unstructured_elements import OPTIONS


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "MarkupReader":
    """Reads HTML or Markdown."""
    return MarkupReader(kind, decoding.decoded(path.read_bytes())[0])


class MarkupReader:
    """One page."""

    pages_total = 1

    def __init__(self, kind: Media, text: str) -> None:
        self.properties = document_pb2.Properties()
        self.media_type = kind.value
        self.route = "unstructured.html" if kind is Media.HTML else "unstructured.md"
        self._kind = kind
        self._text = text

    def pages(self, first: int) -> Iterator[Page]:
        """The whole document."""
        if first > 0:
            return
        with unstructured_elements.reading(f"{self._kind.value} document"):
            made = list(unstructured_elements.converted(self._found(), 0))
        yield Page(made)

    def _found(self) -> list[object]:
        if not self._text.strip():
            return []
        if self._kind is Media.HTML:
            from unstructured.partition.html import partition_html

            # lxml refuses a text that declares the encoding it no longer has.
            return list(partition_html(text=_without_declaration(self._text), **OPTIONS))
        from unstructured.partition.md import partition_md

        return list(partition_md(text=self._text, **OPTIONS))


def _without_declaration(text: str) -> str:
    stripped = text.lstrip()
    if stripped.startswith("<?xml"):
        return stripped.partition("?>")[2]
    return text
