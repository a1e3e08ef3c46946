"""What bytes are, told from their beginning: enough to refuse what no one reads; the parser decides finally."""

import re
import struct

from lorekeep_chassis import errors

HEAD_BYTES = 64 * 1024
ACCEPTED = "PDF, DOCX, PPTX, XLSX, ODF, EPUB, RTF, HTML, Markdown, text, CSV, JSON, XML, EML, MSG, PNG, JPEG, TIFF"

_MAGIC = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
)
_OFFICE = "application/vnd.openxmlformats-officedocument."
_MEMBERS = (
    (b"word/", f"{_OFFICE}wordprocessingml.document"),
    (b"xl/", f"{_OFFICE}spreadsheetml.sheet"),
    (b"ppt/", f"{_OFFICE}presentationml.presentation"),
)
_CONTAINER_SIGNS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"customXml/")
_BY_ENDING = {
    ".html": "text/html", ".htm": "text/html", ".md": "text/markdown", ".markdown": "text/markdown",
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".json": "application/json", ".xml": "application/xml",
    ".eml": "message/rfc822", ".docx": f"{_OFFICE}wordprocessingml.document",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet", ".pptx": f"{_OFFICE}presentationml.presentation",
    ".msg": "application/vnd.ms-outlook", ".doc": "application/msword", ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
}  # fmt: skip
# Every media type that is told, for what must be bounded.
KNOWN = frozenset(
    [kind for _, kind in (*_MAGIC, *_MEMBERS)]
    + [*_BY_ENDING.values(), "application/pdf", "image/webp", "text/plain", "application/epub+zip"]
    + [f"application/vnd.oasis.opendocument.{kind}" for kind in ("text", "spreadsheet", "presentation")]
)
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
# Of plain text, no more than a stray form feed or escape; of compressed bytes, one in ten.
_CONTROLS = bytes(set(range(32)) - {0, 8, 9, 10, 12, 13, 26, 27})
_MOST_CONTROLS = 0.02


def media_type(head: bytes, name: str) -> str:
    """The media type of content that begins with `head` (up to HEAD_BYTES); `name` only refines it.

    UnprocessableInput with reason `empty_file` for nothing at all, UnsupportedMedia for what is never read.
    """
    if not head:
        raise errors.UnprocessableInput("The file is empty. Send one with content.", reason="empty_file", field="file")
    found = _binary(head, name) or _text(head, name)
    if found is None:
        raise errors.UnsupportedMedia(
            f"{_shown(name)} is of no kind that is read here. Send one of: {ACCEPTED}.", field="file"
        )
    return found


def _binary(head: bytes, name: str) -> str | None:
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    if head.startswith(b"PK\x03\x04"):
        return _zipped(head, name)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return _refined(kind, name) if kind.endswith("ole-storage") else kind
    return None


def _zipped(head: bytes, name: str) -> str | None:
    """Office files, EPUB and ODF are zip containers with members of known names; any other archive is refused."""
    members = _members(head)
    mimetype = re.match(rb"PK\x03\x04.{26}mimetype(application/[\w.+-]+)", head, re.DOTALL)
    if mimetype:
        kind = mimetype[1].split(b"PK")[0].decode("ascii")
        return kind if kind.startswith(("application/epub", "application/vnd.oasis")) else None
    for prefix, kind in _MEMBERS:
        if any(member.startswith(prefix) for member in members):
            return kind
    if any(member.startswith(_CONTAINER_SIGNS) for member in members):
        return _refined("application/zip", name)
    return None


def _members(head: bytes) -> list[bytes]:
    names = []
    for match in re.finditer(rb"PK\x03\x04", head):
        header = head[match.start() : match.start() + 30]
        if len(header) == 30:
            (length,) = struct.unpack_from("<H", header, 26)
            names.append(head[match.start() + 30 : match.start() + 30 + min(length, 256)])
    return names


def _text(head: bytes, name: str) -> str | None:
    if head.startswith(_WIDE_MARKS) or _is_wide(head):
        return _refined("text/plain", name)
    if 0 in head:
        return None
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return _refined("text/plain", name) if controls <= len(head) * _MOST_CONTROLS else None


def _is_wide(head: bytes) -> bool:
    """UTF-16 without a mark: every other byte of Latin text is zero, and the rest is text."""
    even, odd = head[0::2], head[1::2]
    for zeros, letters in ((even, odd), (odd, even)):
        if letters and zeros.count(0) > 0.7 * len(zeros) and letters.count(0) == 0:
            return len(letters) - len(letters.translate(None, _CONTROLS)) <= len(letters) * _MOST_CONTROLS
    return False


def _refined(kind: str, name: str) -> str:
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    return _BY_ENDING.get(ending, kind)


def _shown(name: str) -> str:
    return f"The file {name[:100]}" if name else "The file"
