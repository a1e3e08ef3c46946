"""What a document is, by its content. Name and declared type break ties among text formats only."""

import csv
import io
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from enum import StrEnum
from pathlib import Path, PurePosixPath

from lorekeep_chassis.errors import UnsupportedMedia
from lorekeep_parser import decoding, failures

_OFFICE = "application/vnd.openxmlformats-officedocument"


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
    ODS = "application/vnd.oasis.opendocument.spreadsheet"
    MSG = "application/vnd.ms-outlook"
    EML = "message/rfc822"
    HTML = "text/html"
    MARKDOWN = "text/markdown"
    CSV = "text/csv"
    JSON = "application/json"
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


_HEAD_BYTES = 64 * 1024
_MAX_UNPACKED_BYTES = 256 * 2**20
_MAX_MEMBERS = 20_000
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSED = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGES = ((b"\x89PNG\r\n\x1a\n", Media.PNG), (b"\xff\xd8\xff", Media.JPEG), (b"II*\x00", Media.TIFF),
           (b"MM\x00*", Media.TIFF), (b"GIF87a", Media.GIF), (b"GIF89a", Media.GIF))  # fmt: skip
_BITMAP = re.compile(rb"BM.{4}\x00{4}.{4}[\x0c\x28\x40\x6c\x7c]\x00\x00\x00", re.DOTALL)
_MEMBERS = {"word/": Media.DOCX, "ppt/": Media.PPTX, "xl/": Media.XLSX}
_OFFICE_NAMES = {".docx": "Word document", ".pptx": "presentation", ".xlsx": "workbook"}
_LEGACY = {"WordDocument": Media.DOC, "Workbook": Media.XLS, "Book": Media.XLS, "PowerPoint Document": Media.PPT}
_OPEN_DOCUMENT = {f"{Media.ODS.value}{variant}".encode(): Media.ODS for variant in ("", "-template")}
_NAMED = {".md": Media.MARKDOWN, ".markdown": Media.MARKDOWN, ".csv": Media.CSV, ".tsv": Media.CSV,
          ".html": Media.HTML, ".htm": Media.HTML, ".xhtml": Media.HTML}  # fmt: skip
_MAIL_HEADER = re.compile(
    r"^(From|To|Cc|Subject|Date|MIME-Version|Received|Message-ID|Return-Path|Content-Type|Delivered-To|Reply-To):",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LINE = re.compile(r"[!-9;-~]+:[ \t]?.*|[ \t]+\S.*|From .*")
_HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!--.{0,4096}?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S)
_HTML_TAG = re.compile(r"</?(p|div|span|table|tr|td|h[1-6]|ul|ol|li|a|br|section|article)\b[^>]*>", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def recognised(path: Path, name: str, declared: str) -> Media:
    """The format of the file at `path`; typed errors where it is none of ours, encrypted or damaged.

    `declared` is the media type that it was sent as, empty where unknown.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise failures.empty_file()
    if b"%PDF-" in head[:1024]:
        return Media.PDF
    if head.startswith(_ZIP):
        return _of_zip(path, name)
    if head.startswith(_OLE):
        return _of_ole(path)
    if declared == Media.ELEMENTS:
        return Media.ELEMENTS
    return _of_image(head) or _of_tar(path, head) or _of_compressed(head) or _of_text(path, head, name, declared)


def _suffix(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/").lower()).suffix


def _of_image(head: bytes) -> Media | None:
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Media.WEBP
    if _BITMAP.match(head):
        return Media.BMP
    return next((media for magic, media in _IMAGES if head.startswith(magic)), None)


def _of_tar(path: Path, head: bytes) -> Media | None:
    """A TAR, compressed or not, by the sum that each of its headers carries."""
    if head[257:262] != b"ustar" and not head.startswith(_COMPRESSED):
        return None
    try:
        with tarfile.open(path):
            return Media.TAR
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return None


def _of_compressed(head: bytes) -> Media | None:
    return Media.COMPRESSED if head.startswith(_COMPRESSED) else None


def _of_zip(path: Path, name: str) -> Media:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            mimetype = _mimetype(archive)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise failures.corrupt(_OFFICE_NAMES.get(_suffix(name), "archive")) from error
    names = {each.filename for each in members}
    if "[Content_Types].xml" in names:
        for folder, media in _MEMBERS.items():
            if any(each.startswith(folder) for each in names):
                _check_unpacked(members)
                return media
    if _suffix(name) in _OFFICE_NAMES:
        raise failures.corrupt(_OFFICE_NAMES[_suffix(name)])
    if mimetype and mimetype not in _OPEN_DOCUMENT:
        raise unsupported("an office format that is not read")
    if mimetype not in _OPEN_DOCUMENT:
        return Media.ZIP
    _check_unpacked(members)
    return _OPEN_DOCUMENT[mimetype]


def _mimetype(archive: zipfile.ZipFile) -> bytes:
    """What an OpenDocument or an EPUB says that it is; empty where the archive does not say."""
    try:
        with archive.open("mimetype") as member:
            return member.read(256).strip()
    except (KeyError, RuntimeError):
        return b""


def _check_unpacked(members: list[zipfile.ZipInfo]) -> None:
    """zipfile never unpacks more than the directory says, so the directory's sum is a bound."""
    if sum(each.file_size for each in members) > _MAX_UNPACKED_BYTES or len(members) > _MAX_MEMBERS:
        raise failures.too_large_unpacked(_MAX_UNPACKED_BYTES)
    if any(each.flag_bits & 0x1 for each in members):
        raise failures.encrypted("document")


def _of_ole(path: Path) -> Media:
    import olefile  # type: ignore[import-untyped]

    try:
        with olefile.OleFileIO(str(path)) as container:
            streams = {each[0] for each in container.listdir(streams=True, storages=False)}
    except Exception as error:  # a library of parsers: it raises whatever a damaged file leads it to
        raise failures.corrupt("document") from error
    if "EncryptedPackage" in streams:
        raise failures.encrypted("document")
    if "__properties_version1.0" in streams:
        return Media.MSG
    for stream, media in _LEGACY.items():
        if stream in streams:
            return media
    raise unsupported("a container of an unknown kind")


def _of_text(path: Path, head: bytes, name: str, declared: str) -> Media:
    text, _ = decoding.decoded(head)
    if _binary(text):
        raise unsupported("binary data")
    named = _NAMED.get(_suffix(name))
    if _HTML.match(text) or (named is Media.HTML and _HTML_TAG.search(text)):
        return Media.HTML
    if _is_json(path, text, _suffix(name)):
        return Media.JSON
    if _is_mail(text):
        return Media.EML
    if named in (Media.MARKDOWN, Media.CSV):
        return named
    if len(_HTML_TAG.findall(text[:4096])) >= 10:
        return Media.HTML
    # Prose with as many commas in each line is prose, where its sender says that it is text.
    return Media.CSV if declared != Media.TEXT and _is_table(text) else Media.TEXT


def _binary(text: str) -> bool:
    sample = text[:8192]
    return len(_CONTROL.findall(sample)) + sample.count("\ufffd") > 0.1 * len(sample)


def _is_json(path: Path, text: str, suffix: str) -> bool:
    """An object or an array that parses; one named .json that does not is read as the text it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    if suffix == ".json":
        return True
    try:
        json.loads(decoding.decoded(path.read_bytes())[0])
    except (ValueError, RecursionError):
        return False
    return True


def _is_mail(text: str) -> bool:
    """Opens with header lines, and two of them are a mail's."""
    head = text.lstrip().replace("\r\n", "\n").split("\n\n", 1)[0][:16_384]
    lines = head.split("\n")[:10]
    return all(map(_HEADER_LINE.fullmatch, lines)) and len(set(_MAIL_HEADER.findall(head))) >= 2


def _is_table(text: str) -> bool:
    """Rows with the same three or more cells, without a name to say so."""
    lines = text.split("\n")[:20]
    if len(lines) < 4:
        return False
    for delimiter in (",", "\t", ";"):
        widths = {len(row) for row in csv.reader(io.StringIO("\n".join(lines[:-1])), delimiter=delimiter) if row}
        if len(widths) == 1 and widths.pop() >= 3:
            return True
    return False


def unsupported(what: str) -> UnsupportedMedia:
    """The content is of a kind that is not read."""
    return UnsupportedMedia(
        f"The file is {what}. Supported are PDF, DOCX, PPTX, XLSX, HTML, Markdown, text, CSV, JSON, EML, MSG and "
        "images (PNG, JPEG, TIFF)."
    )
