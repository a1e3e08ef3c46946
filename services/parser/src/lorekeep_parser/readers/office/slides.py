"""PPTX: text and tables by unstructured; what it leaves out, by python-pptx: charts, diagrams, notes, comments."""

import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import unstructured_elements
from lorekeep_parser.readers.elements import Element
from lorekeep_parser.readers.office import slide_rest
from lorekeep_parser.readers.office.office_packages import Package
from lorekeep_parser.readers.unstructured_elements import OPTIONS

_MAIN = "ppt/presentation.xml"
_TYPES = "[Content_Types].xml"
_MAIN_TYPE = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
# Slide shows and templates are read like any other.
_OTHER_TYPES = (
    b"application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml",
    b"application/vnd.openxmlformats-officedocument.presentationml.template.main+xml",
    b"application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml",
    b"application/vnd.ms-powerpoint.template.macroEnabled.main+xml",
)
_FALLBACK = "fallback: unstructured could not read the presentation; its text was read without it"


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "SlidesReader":
    """Reads a PPTX, PPTM, PPSX or POTX."""
    return SlidesReader(path)


class SlidesReader:
    """A slide is a page."""

    media_type = Media.PPTX.value
    route = "unstructured.pptx"

    def __init__(self, path: Path) -> None:
        with unstructured_elements.reading("presentation"):
            from pptx import Presentation

            self._package = Package(path)
            if self._package.main(_MAIN) not in self._package:
                raise failures.corrupt("presentation")
            self.properties = self._package.properties()
            self._path = _as_presentation(path, self._package)
            self._slides = list(Presentation(str(self._path)).slides)
        self.pages_total = len(self._slides)

    def pages(self, first: int) -> Iterator[Page]:
        """Slides in order, hidden ones too."""
        warnings: list[str] = []
        try:
            of_slide = self._by_unstructured()
        except InvalidInput:
            self.route, of_slide = "pptx", {}
            warnings.append(_FALLBACK)
        for number, slide in enumerate(self._slides[first:], start=first + 1):
            with unstructured_elements.reading("presentation"):
                found = of_slide.get(number, [])
                made = [*found, *slide_rest.elements_of(slide, number, found, self._package)]
            yield Page(made, warnings=list(warnings))

    def _by_unstructured(self) -> dict[int, list[Element]]:
        with unstructured_elements.reading("presentation"):
            from unstructured.partition.pptx import partition_pptx

            found = partition_pptx(filename=str(self._path), include_slide_notes=False, **OPTIONS)
            return {
                number: list(unstructured_elements.converted(group))
                for number, group in groupby(found, key=lambda each: each.metadata.page_number or 0)
            }


def _as_presentation(path: Path, package: Package) -> Path:
    """The file itself, or a copy that says it is a presentation where it says that it is a show or a template."""
    types = package.archive.read(_TYPES)
    if not any(each in types for each in _OTHER_TYPES):
        return path
    for each in _OTHER_TYPES:
        types = types.replace(each, _MAIN_TYPE)
    copy = path.with_name(f"{path.name}.copy")
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in dict.fromkeys(package.archive.namelist()):
            archive.writestr(member, types if member == _TYPES else package.archive.read(member))
    return copy
