"""One reader per format. Each is a module that gives a `Reader`; which one is chosen by content."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from lorekeep_parser.formats import recognition
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Reader, Wishes
from lorekeep_parser.sandbox import needs
from lorekeep_parser.sandbox.needs import Need

# The module is imported when first needed, so that a plain format does not wait for a heavy one's library.
MODULES = {
    Media.PDF: "pdf",
    Media.DOCX: "office.word",
    Media.PPTX: "office.slides",
    Media.XLSX: "office.sheets",
    Media.XLSB: "office.sheets",
    Media.XLS: "office.sheets",
    Media.ODS: "office.sheets",
    Media.DOC: "office.legacy",
    Media.PPT: "office.legacy",
    Media.MSG: "mail.mail",
    Media.EML: "mail.mail",
    Media.ODT: "office.opendocument",
    Media.ODP: "office.opendocument",
    Media.ODG: "office.opendocument",
    Media.EPUB: "markup.epub",
    Media.RTF: "markup.rtf",
    Media.HTML: "markup.markup",
    Media.XML: "markup.xml_text",
    Media.MARKDOWN: "markup.markdown",
    Media.NOTEBOOK: "texts.notebook",
    Media.VTT: "texts.subtitles",
    Media.SRT: "texts.subtitles",
    Media.CSV: "texts.delimited",
    Media.JSON: "texts.plain",
    Media.JSON_LINES: "texts.plain",
    Media.RST: "texts.plain",
    Media.ORG: "texts.plain",
    Media.ASCIIDOC: "texts.plain",
    Media.LATEX: "texts.plain",
    Media.CODE: "texts.plain",
    Media.TEXT: "texts.plain",
    Media.PNG: "images",
    Media.JPEG: "images",
    Media.TIFF: "images",
    Media.GIF: "images",
    Media.BMP: "images",
    Media.WEBP: "images",
    Media.ZIP: "archives.archives",
    Media.TAR: "archives.archives",
    Media.COMPRESSED: "archives.archives",
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
