"""DOCX by unstructured."""

from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import unstructured_elements
from lorekeep_parser.readers.unstructured_elements import OPTIONS


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "WordReader":
    """Reads a DOCX."""
    return WordReader(path)


class WordReader:
    """One page as far as batches go; elements carry the page that the file's own breaks tell, where it has any."""

    media_type = Media.DOCX.value
    route = "unstructured.docx"
    pages_total = 1

    def __init__(self, path: Path) -> None:
        self.properties = document_pb2.Properties()
        self._path = path

    def pages(self, first: int) -> Iterator[Page]:
        """The whole document."""
        if first > 0:
            return
        with unstructured_elements.reading("Word document"):
            from unstructured.partition.docx import partition_docx

            found = partition_docx(filename=str(self._path), **OPTIONS)
            # Page breaks are only those that Word noted when it last saved; a file without any has no pages.
            paged = any((each.metadata.page_number or 0) > 1 for each in found)
            made = list(unstructured_elements.converted(found, None if paged else 0))
        yield Page(made)
