"""One reader per format. Each is a module that gives a `Reader`; which one is chosen by content."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from lorekeep_parser import needs, recognition
from lorekeep_parser.media import Media
from lorekeep_parser.needs import Need
from lorekeep_parser.page import Reader, Wishes

# The module is imported when first needed, so that a plain format does not wait for a heavy one's library.
MODULES = {
    Media.PDF: "pdf",
    Media.DOCX: "word",
    Media.PPTX: "slides",
    Media.XLSX: "sheets",
    Media.XLSB: "sheets",
    Media.XLS: "sheets",
    Media.ODS: "sheets",
    Media.DOC: "legacy",
    Media.PPT: "legacy",
    Media.MSG: "mail",
    Media.EML: "mail",
    Media.ODT: "opendocument",
    Media.ODP: "opendocument",
    Media.ODG: "opendocument",
    Media.EPUB: "epub",
    Media.RTF: "rtf",
    Media.HTML: "markup",
    Media.XML: "xml_text",
    Media.MARKDOWN: "markdown",
    Media.NOTEBOOK: "notebook",
    Media.VTT: "subtitles",
    Media.SRT: "subtitles",
    Media.CSV: "delimited",
    Media.JSON: "plain",
    Media.JSON_LINES: "plain",
    Media.RST: "plain",
    Media.ORG: "plain",
    Media.ASCIIDOC: "plain",
    Media.LATEX: "plain",
    Media.CODE: "plain",
    Media.TEXT: "plain",
    Media.PNG: "images",
    Media.JPEG: "images",
    Media.TIFF: "images",
    Media.GIF: "images",
    Media.BMP: "images",
    Media.WEBP: "images",
    Media.ZIP: "archives",
    Media.TAR: "archives",
    Media.COMPRESSED: "archives",
    Media.ELEMENTS: "elements_json",
}
# What a format needs beyond what every child has. A reader may ask for more itself, before it reads: `needs.require`.
_UNSTRUCTURED = frozenset({Need.UNSTRUCTURED})
_NEEDS = {
    Media.DOCX: _UNSTRUCTURED,
    Media.PPTX: _UNSTRUCTURED,
    Media.DOC: _UNSTRUCTURED,
    Media.PPT: _UNSTRUCTURED,
}


def modules(*, heavy: bool) -> list[str]:
    """The readers' modules by name; without `heavy` those alone that read in any child."""
    chosen = {module for kind, module in MODULES.items() if heavy or not _NEEDS.get(kind)}
    return [f"{__name__}.{each}" for each in sorted(chosen)]


def opened(path: Path, name: str, declared: str, wishes: Wishes) -> Reader:
    """The reader for the file at `path`, sent as `declared`; typed errors where there is none or it is broken."""
    kind = recognition.recognised(path, name, declared)
    needs.require(_NEEDS.get(kind, ()))
    module = import_module(f"lorekeep_parser.readers.{MODULES[kind]}")
    make: Callable[[Path, Media, str, Wishes], Reader] = module.opened
    return make(path, kind, name, wishes)
