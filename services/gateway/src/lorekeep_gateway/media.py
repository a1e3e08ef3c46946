"""What bytes are, told from their beginning: enough to refuse what no one reads; the parser decides finally."""

import re
import struct
import unicodedata

from lorekeep_chassis import errors

HEAD_BYTES = 64 * 1024
ACCEPTED = (
    "PDF, DOCX, PPTX, XLSX, DOC, PPT, XLS, ODF, EPUB, RTF, HTML, Markdown, text, CSV, JSON, XML, EML, MSG, ZIP, TAR, "
    "PNG, JPEG, TIFF, GIF, BMP, WEBP"
)

_MAGIC = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
# Bytes that a program begins with, in front of whatever else it carries.
_PROGRAMS = (b"\x7fELF", b"MZ\x90\x00", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_BITMAP = re.compile(rb"BM.{4}\x00{4}.{4}[\x0c\x28\x40\x6c\x7c]\x00\x00\x00", re.DOTALL)
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_RTF = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}\{\\rtf")
_OFFICE = "application/vnd.openxmlformats-officedocument."
_MEMBERS = (
    (b"word/", f"{_OFFICE}wordprocessingml.document"),
    (b"xl/", f"{_OFFICE}spreadsheetml.sheet"),
    (b"ppt/", f"{_OFFICE}presentationml.presentation"),
)
_CONTAINER_SIGNS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"customXml/")
_TEXT_ENDINGS = {
    ".html": "text/html", ".htm": "text/html", ".xhtml": "text/html", ".md": "text/markdown",
    ".markdown": "text/markdown", ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".json": "application/json",
    ".jsonl": "application/jsonl", ".ndjson": "application/jsonl", ".ipynb": "application/x-ipynb+json",
    ".xml": "application/xml", ".svg": "application/xml", ".eml": "message/rfc822", ".rst": "text/x-rst",
    ".org": "text/org", ".adoc": "text/asciidoc", ".asciidoc": "text/asciidoc", ".tex": "application/x-latex",
    ".vtt": "text/vtt", ".srt": "application/x-subrip",
}  # fmt: skip
_CONTAINER_ENDINGS = {
    ".docx": f"{_OFFICE}wordprocessingml.document", ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}presentationml.presentation", ".msg": "application/vnd.ms-outlook",
    ".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
}  # fmt: skip
_BINARY_WORKBOOK = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
# Every media type that is told, for what must be bounded.
KNOWN = frozenset(
    [kind for _, kind in (*_MAGIC, *_MEMBERS)]
    + [*_TEXT_ENDINGS.values(), *_CONTAINER_ENDINGS.values(), _BINARY_WORKBOOK]
    + ["application/pdf", "application/rtf", "application/epub+zip", "application/zip", "application/x-tar"]
    + ["image/webp", "image/bmp", "text/plain"]
    + [f"{_OPEN_DOCUMENT}{kind}" for kind in ("text", "spreadsheet", "presentation", "graphics")]
)
_TEXTS = ("text/html", "text/markdown", "text/csv", "text/tab-separated-values", "application/json", "application/xml")
# What a web server may say of bytes that are text.
_DECLARED = {each: each for each in _TEXTS} | {
    "application/xhtml+xml": "text/html", "text/xml": "application/xml", "text/x-markdown": "text/markdown",
}  # fmt: skip
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
# Of plain text, no more than a stray form feed or escape; of compressed bytes, one in ten.
_CONTROLS = bytes(set(range(32)) - {0, 8, 9, 10, 12, 13, 26, 27})
_MOST_CONTROLS = 0.02


def media_type(head: bytes, name: str, declared: str = "") -> str:
    """The media type of content that begins with `head` (up to HEAD_BYTES); `declared` or `name` only refines it.

    UnprocessableInput with reason `empty_file` for nothing at all, UnsupportedMedia for what is never read.
    """
    if not head:
        raise errors.UnprocessableInput("The file is empty. Send one with content.", reason="empty_file", field="file")
    found = _binary(head, name) or _text(head, name)
    if found is not None and declared in _DECLARED and found in (*_TEXTS, "text/plain"):
        return _DECLARED[declared]
    if found is None:
        raise errors.UnsupportedMedia(
            f"{_shown(name)} is of no kind that is read here. Send one of: {ACCEPTED}.", field="file"
        )
    return found


def _binary(head: bytes, name: str) -> str | None:
    if head.startswith(_PROGRAMS):
        return None
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(head, name)
    if head.startswith(_PACKED) or head[257:262] == b"ustar":
        return "application/x-tar"
    # A PDF may begin with other bytes; an archive may begin with a PDF.
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    if _RTF.match(head):
        return "application/rtf"
    return _image_or_mail(head, name)


def _image_or_mail(head: bytes, name: str) -> str | None:
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if _BITMAP.match(head):
        return "image/bmp"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return _refined(kind, name, _CONTAINER_ENDINGS) if kind.endswith("ole-storage") else kind
    return None


def _zipped(head: bytes, name: str) -> str:
    """Office files, EPUB and ODF are zip containers with members of known names; the others are archives."""
    members = _members(head)
    mimetype = re.match(rb"PK\x03\x04.{26}mimetype(application/[\w.+-]+)", head, re.DOTALL)
    if mimetype and (found := _of_mimetype(mimetype[1].split(b"PK")[0].decode("ascii"))):
        return found
    if b"xl/workbook.bin" in members:
        return _BINARY_WORKBOOK
    for prefix, kind in _MEMBERS:
        if any(member.startswith(prefix) for member in members):
            return kind
    if any(member.startswith(_CONTAINER_SIGNS) for member in members):
        return _refined("application/zip", name, _CONTAINER_ENDINGS)
    return "application/zip"


def _of_mimetype(told: str) -> str | None:
    """The kind that a container says it is; a template is of the kind of what is made from it."""
    if told == "application/epub+zip":
        return told
    kind = told.removeprefix(_OPEN_DOCUMENT).partition("-")[0]
    return f"{_OPEN_DOCUMENT}{kind}" if told.startswith(_OPEN_DOCUMENT) else None


def _members(head: bytes) -> list[bytes]:
    names = []
    for match in re.finditer(rb"PK\x03\x04", head):
        header = head[match.start() : match.start() + 30]
        if len(header) == 30:
            (length,) = struct.unpack_from("<H", header, 26)
            names.append(head[match.start() + 30 : match.start() + 30 + min(length, 256)])
    return names


def _text(head: bytes, name: str) -> str | None:
    if head.startswith(_PROGRAMS):
        return None
    if head.startswith(_WIDE_MARKS) or _is_wide(head):
        return _refined("text/plain", name, _TEXT_ENDINGS)
    if 0 in head:
        return None
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return _refined("text/plain", name, _TEXT_ENDINGS) if controls <= len(head) * _MOST_CONTROLS else None


def _is_wide(head: bytes) -> bool:
    """UTF-16 or UTF-32 without a mark: read so, nearly all of it is letters, figures, signs and blanks."""
    sample = head[: min(4096, len(head) // 4 * 4)] or head
    if 0 not in sample:
        return False
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        text = sample.decode(encoding, "replace")
        shown = sum(each.isspace() or unicodedata.category(each)[0] in "LMNPSZ" for each in text.replace("\ufffd", ""))
        if text and shown >= 0.98 * len(text) and _few_scripts(text):
            return True
    return False


def _few_scripts(text: str) -> bool:
    """Text has blanks or comes from few blocks; other bytes make characters from all over."""
    blocks = {ord(each) >> 8 for each in text}
    return len(blocks) <= 8 or any(each in " \n\u3000\u3001\u3002" for each in text)


def _refined(kind: str, name: str, endings: dict[str, str]) -> str:
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    return endings.get(ending, kind)


def _shown(name: str) -> str:
    return f"The file {name[:100]}" if name else "The file"
