"""A PDF read in this process, without chunks: for tests of what its pages are made into."""

from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import opened

Kind = document_pb2.ElementKind


def read(folder: Path, data: bytes, name: str = "some.pdf", **wishes: Any) -> list[Page]:
    """The pages of a document, their elements taken."""
    path = folder / "document"
    path.write_bytes(data)
    pages = list(opened(path, name, "", Wishes(**wishes)).pages(0))
    for page in pages:
        page.elements = list(page.elements)
    return pages


def elements(folder: Path, data: bytes, name: str = "some.pdf", **wishes: Any) -> list[document_pb2.Element]:
    """The elements of all pages."""
    return [element for page in read(folder, data, name, **wishes) for element in page.elements]


def texts(folder: Path, data: bytes, kind: document_pb2.ElementKind | None = None, **wishes: Any) -> list[str]:
    """The texts of all elements, or of those of a kind."""
    return [each.text for each in elements(folder, data, **wishes) if kind is None or each.kind == kind]
