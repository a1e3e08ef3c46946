"""Reads a file the way a child does, without a process around it."""

from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import readers
from lorekeep_parser.page import Page, Reader, Wishes

Kind = document_pb2.ElementKind


class Read:
    """What a reader made of a file."""

    def __init__(self, path: Path, data: bytes, name: str) -> None:
        path.write_bytes(data)
        self.reader: Reader = readers.opened(path, name, "", Wishes())
        self.pages: list[Page] = []
        self.elements: list[document_pb2.Element] = []
        for page in self.reader.pages(0):
            self.elements += page.elements
            self.pages.append(page)

    @property
    def flat(self) -> str:
        """All text with white space as single blanks."""
        return " ".join(" ".join(each.text for each in self.elements).split())

    def told(self) -> list[tuple[str, str]]:
        """Kinds, with the level of headings, and texts."""
        names = {each.number: each.name.removeprefix("ELEMENT_KIND_") for each in Kind.DESCRIPTOR.values}
        return [(f"{names[each.kind]}{each.level or ''}", each.text.strip("\n")) for each in self.elements if each.text]

    @property
    def warnings(self) -> list[str]:
        """Of all pages."""
        return [warning for page in self.pages for warning in page.warnings]


def read(folder: Path, data: str | bytes, name: str) -> Read:
    """Reads data sent under a name."""
    return Read(folder / "document", data.encode() if isinstance(data, str) else data, name)
