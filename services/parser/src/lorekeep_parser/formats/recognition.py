"""What a document is, by its content. Name and declared type break ties among text formats only."""

import re
from pathlib import Path

from lorekeep_parser import failures
from lorekeep_parser.formats import containers, decoding, text_kinds
from lorekeep_parser.formats.media import Media, unsupported

_HEAD_BYTES = 64 * 1024
_PDF_MARK_WITHIN = 1024
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK00PK\x03\x04")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", Media.PNG), (b"\xff\xd8\xff", Media.JPEG), (b"II*\x00", Media.TIFF),
    (b"MM\x00*", Media.TIFF), (b"II+\x00", Media.TIFF), (b"MM\x00+", Media.TIFF), (b"GIF87a", Media.GIF),
    (b"GIF89a", Media.GIF),
)  # fmt: skip
_BITMAP = re.compile(rb"BM.{4}\x00{4}.{4}[\x0c\x28\x40\x6c\x7c]\x00\x00\x00", re.DOTALL)
_RTF = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}\{\\rtf")
_PROGRAMS = (
    b"MZ", b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe", b"\x00asm", b"dex\n",
)  # fmt: skip
_OTHERS = (
    (b"Rar!", "a RAR archive; pack it as ZIP"), (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; pack it as ZIP"),
    (b"OggS", "a sound"), (b"ID3", "a sound"), (b"fLaC", "a sound"), (b"\x1aE\xdf\xa3", "a film"),
    (b"SQLite format 3\x00", "a database"), (b"PAR1", "a Parquet table; save it as CSV"),
    (b"%!PS", "PostScript; save it as PDF"), (b"AT&TFORM", "DjVu; save it as PDF"),
)  # fmt: skip


def recognised(path: Path, name: str, declared: str) -> Media:
    """The format of the file at `path`; typed errors where it is none of ours, encrypted or damaged.

    `declared` is the media type that it was sent as, empty where unknown.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise failures.empty_file()
    _refuse_programs(head)
    if head.startswith(_ZIP):
        return containers.of_zip(path, name)
    if head.startswith(_OLE):
        return containers.of_ole(path)
    # A PDF may begin with other bytes; an archive may begin with a PDF.
    if found := _of_image(head) or containers.of_tar(path, head):
        return found
    if b"%PDF-" in head[:_PDF_MARK_WITHIN]:
        return Media.PDF
    if _RTF.match(head):
        return Media.RTF
    if declared == Media.ELEMENTS:
        return Media.ELEMENTS
    return text_kinds.of_text(path, decoding.decoded(head, cut=len(head) == _HEAD_BYTES)[0], name, declared)


def _of_image(head: bytes) -> Media | None:
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Media.WEBP
    if _BITMAP.match(head):
        return Media.BMP
    return next((media for magic, media in _IMAGES if head.startswith(magic)), None)


def _refuse_programs(head: bytes) -> None:
    """Programs hold enough text to pass for one, and even for a PDF that they carry."""
    if head.startswith(_PROGRAMS) and (b"\x00" in head[:512] or not head.startswith(b"MZ")):
        raise unsupported("a program")
    if head[4:8] == b"ftyp":
        raise unsupported("a film or an image of a kind that is not read")
    for magic, what in _OTHERS:
        if head.startswith(magic) and (what != "a sound" or b"\x00" in head[:512]):
            raise unsupported(what)
