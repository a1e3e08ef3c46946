"""DOCX by unstructured, over a copy in which everything that Word shows stands where unstructured looks.

Where that fails, and for a document too large to be held whole, `word_stream` reads it paragraph by paragraph.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import unstructured_elements
from lorekeep_parser.readers.elements import Element
from lorekeep_parser.readers.office import word_flat, word_stream
from lorekeep_parser.readers.office.office_packages import Package, local
from lorekeep_parser.readers.office.word_notes import Notes
from lorekeep_parser.readers.unstructured_elements import OPTIONS

# unstructured takes two seconds and 40 MiB for a megabyte of XML, the stream a twentieth of a second and no more room.
_MAX_WHOLE_BYTES = 8 * 2**20
_MAIN = "word/document.xml"
_TYPES = "[Content_Types].xml"
_MAIN_TYPE = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
# Documents with macros and templates are read like any other.
_OTHER_TYPES = (
    b"application/vnd.ms-word.document.macroEnabled.main+xml",
    b"application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
    b"application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
)


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "WordReader":
    """Reads a DOCX, DOCM, DOTX or DOTM."""
    return WordReader(path)


class WordReader:
    """One page as far as batches go; elements carry the page that the file's own breaks tell, where it has any."""

    media_type = Media.DOCX.value
    pages_total = 1

    def __init__(self, path: Path) -> None:
        self._path = path
        with unstructured_elements.reading("Word document"):
            self._package = Package(path)
            self._main = self._package.main(_MAIN)
            if self._main not in self._package or self._root() != "document":
                raise failures.corrupt("Word document")
            self.properties = self._package.properties()
        self._whole = self._package.size(self._main) <= _MAX_WHOLE_BYTES
        self.route = "unstructured.docx" if self._whole else "docx-stream"

    def _root(self) -> str:
        """The name of the main part's root."""
        events = self._package.events(self._main, ("start",))
        try:
            return local(next(events)[1])
        finally:
            events.close()

    def pages(self, first: int) -> Iterator[Page]:
        """The whole document."""
        if first > 0:
            return
        page = Page(())
        page.elements = self._elements(page)
        yield page

    def _elements(self, page: Page) -> Iterator[Element]:
        made: list[Element] | None = None
        if self._whole:
            try:
                made = self._by_unstructured(page)
            except InvalidInput:
                self.route = "docx-stream"
                page.warnings.append("fallback: unstructured could not read the document; its text was read without it")
        if made is not None:
            yield from made
            return
        with unstructured_elements.reading("Word document"):
            yield from word_stream.elements_of(self._package, self._main, Notes(self._package, self._main, page))

    def _by_unstructured(self, page: Page) -> list[Element]:
        with unstructured_elements.reading("Word document"):
            from unstructured.partition.docx import partition_docx

            copy = self._path.with_name(f"{self._path.name}.flat")
            try:
                self._write_flat(copy, Notes(self._package, self._main, page))
                found = partition_docx(filename=str(copy), **OPTIONS)
            finally:
                copy.unlink(missing_ok=True)
            # Page breaks are only those that Word noted when it last saved; a file without any has no pages.
            paged = any((each.metadata.page_number or 0) > 1 for each in found)
            return list(unstructured_elements.converted(found, None if paged else 0))

    def _write_flat(self, path: Path, notes: Notes) -> None:
        """Writes the copy: XML parts only, since pictures and fonts are not looked at."""
        package = self._package
        furniture = package.related(self._main, "header", "footer")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for member in dict.fromkeys(package.archive.namelist()):
                archive.writestr(member, self._flat(member, furniture, notes))

    def _flat(self, member: str, furniture: list[str], notes: Notes) -> bytes:
        package = self._package
        if member == self._main or member in furniture:
            root: Any = package.tree(member)
            word_flat.flatten(root, notes if member == self._main else None)
            return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True))
        if not member.lower().endswith((".xml", ".rels")):
            return b""
        data = package.archive.read(member)
        if member == _TYPES:
            for each in _OTHER_TYPES:
                data = data.replace(each, _MAIN_TYPE)
        return data
