"""The formats that are read, by media type."""

from enum import StrEnum
from pathlib import PurePosixPath

from lorekeep_chassis.errors import UnsupportedMedia

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_MAX_SUFFIX = 16


class Media(StrEnum):
    """The formats that are read."""

    PDF = "application/pdf"
    DOCX = f"{_OFFICE}.wordprocessingml.document"
    PPTX = f"{_OFFICE}.presentationml.presentation"
    XLSX = f"{_OFFICE}.spreadsheetml.sheet"
    XLSB = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
    DOC = "application/msword"
    PPT = "application/vnd.ms-powerpoint"
    XLS = "application/vnd.ms-excel"
    ODT = f"{_OPEN}.text"
    ODP = f"{_OPEN}.presentation"
    ODS = f"{_OPEN}.spreadsheet"
    ODG = f"{_OPEN}.graphics"
    EPUB = "application/epub+zip"
    RTF = "application/rtf"
    MSG = "application/vnd.ms-outlook"
    EML = "message/rfc822"
    HTML = "text/html"
    XML = "application/xml"
    MARKDOWN = "text/markdown"
    RST = "text/x-rst"
    ORG = "text/org"
    ASCIIDOC = "text/asciidoc"
    LATEX = "application/x-latex"
    CSV = "text/csv"
    JSON = "application/json"
    JSON_LINES = "application/jsonl"
    NOTEBOOK = "application/x-ipynb+json"
    VTT = "text/vtt"
    SRT = "application/x-subrip"
    CODE = "text/x-source"
    TEXT = "text/plain"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    GIF = "image/gif"
    BMP = "image/bmp"
    WEBP = "image/webp"
    ZIP = "application/zip"
    TAR = "application/x-tar"
    # One file, packed by gzip, bzip2 or xz.
    COMPRESSED = "application/gzip"
    # Elements as a server of unstructured's API gives them. Never told by content: only where it is declared.
    ELEMENTS = "application/vnd.unstructured.elements+json"


def suffix(name: str) -> str:
    """The ending of a name in lower case, with its dot; empty where there is none that could be one."""
    last = name.replace("\\", "/").rstrip().rpartition("/")[2][-256:]
    found = PurePosixPath(last.lower()).suffix if last.strip(".") else ""
    return found if len(found) <= _MAX_SUFFIX else ""


def unsupported(what: str) -> UnsupportedMedia:
    """The content is of a kind that is not read."""
    return UnsupportedMedia(
        f"The file is {what}. Supported are PDF, Office documents (DOCX, PPTX, XLSX, DOC, PPT, XLS), OpenDocument, "
        "EPUB, RTF, HTML, XML, Markdown, text, CSV, JSON, EML, MSG, ZIP, TAR and images (PNG, JPEG, TIFF, GIF, BMP, "
        "WEBP)."
    )
