"""Formats that are containers: what their members make them, and whether they may be unpacked at all.

zipfile never unpacks more of a member than the directory says, so sums over the directory are bounds.
"""

import bz2
import gzip
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lorekeep_parser import failures
from lorekeep_parser.formats.media import Media, suffix, unsupported

_MAX_UNPACKED_BYTES = 256 * 2**20
_MAX_ARCHIVE_BYTES = 1024 * 2**20
_MAX_MEMBERS = 20_000
# What packs better than this is no document, once it is large; a member may be, since blank sheets pack well.
_MAX_RATIO, _RATIO_FROM_BYTES = 200, 64 * 2**20
_LOCAL_HEADER_BYTES = 30
_MAX_TYPES_BYTES = 4 * 2**20
_PACKERS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open),
)  # fmt: skip
_COMPRESSED = tuple(magic for magic, _ in _PACKERS)
_TYPES = "[content_types].xml"
_FOLDERS = (("word/", Media.DOCX), ("ppt/", Media.PPTX), ("xl/", Media.XLSX))
_MAIN_PART = re.compile(
    rb"(wordprocessingml|presentationml|spreadsheetml|ms-word|ms-powerpoint|ms-excel)[\w.-]{0,80}main"
)
_MAIN_KINDS = {
    b"wordprocessingml": Media.DOCX, b"ms-word": Media.DOCX, b"presentationml": Media.PPTX,
    b"ms-powerpoint": Media.PPTX, b"spreadsheetml": Media.XLSX, b"ms-excel": Media.XLSX,
}  # fmt: skip
_NAMED = {
    ".docx": "Word document", ".docm": "Word document", ".pptx": "presentation", ".xlsx": "workbook",
    ".odt": "OpenDocument file", ".odp": "OpenDocument file", ".ods": "OpenDocument file", ".epub": "EPUB",
}  # fmt: skip
_MIMETYPES = {
    f"application/vnd.oasis.opendocument.{name}{variant}".encode(): media
    for name, variants, media in (
        ("text", ("", "-template", "-master", "-web"), Media.ODT),
        ("presentation", ("", "-template"), Media.ODP),
        ("spreadsheet", ("", "-template"), Media.ODS),
        ("graphics", ("", "-template"), Media.ODG),
    )
    for variant in variants
} | {b"application/epub+zip": Media.EPUB}
_STREAMS = {"WordDocument": Media.DOC, "Workbook": Media.XLS, "Book": Media.XLS, "PowerPoint Document": Media.PPT}
_FIB_ENCRYPTED = 0x0100
_XLS_BOF, _XLS_FILEPASS = (0x0809, 0x0009, 0x0209, 0x0409), 0x002F
_PPT_ENCRYPTED = 0xF3D1C4DF


def of_zip(path: Path, name: str) -> Media:
    """An office document, an OpenDocument, a book, or an archive."""
    what = _NAMED.get(suffix(name), "archive")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check(members, path.stat().st_size, _MAX_ARCHIVE_BYTES)
            found = _of_package(archive, members) or _of_mimetype(archive, members)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError, zlib.error) as error:
        raise failures.corrupt(what) from error
    except RuntimeError as error:  # zipfile's way to ask for a password
        raise failures.encrypted(what) from error
    if found is None and suffix(name) in _NAMED:
        raise failures.corrupt(what)
    if found is not None:
        _check(members, path.stat().st_size, _MAX_UNPACKED_BYTES)
        _refuse_encrypted(members)
    return found or Media.ZIP


def _check(members: list[zipfile.ZipInfo], size: int, most: int) -> None:
    """Bounds on what is declared, and proof that no two members share their bytes."""
    unpacked = sum(each.file_size for each in members)
    packed = sum(each.compress_size for each in members)
    if unpacked > most or len(members) > _MAX_MEMBERS or packed > size or _overlapping(members):
        raise failures.too_large_unpacked(most)
    if unpacked > _RATIO_FROM_BYTES and unpacked > _MAX_RATIO * size:
        raise failures.too_large_unpacked(_RATIO_FROM_BYTES)


def _refuse_encrypted(members: list[zipfile.ZipInfo]) -> None:
    """Of an archive the other members may still be read."""
    if any(each.flag_bits & 0x1 for each in members):
        raise failures.encrypted("document")


def _overlapping(members: list[zipfile.ZipInfo]) -> bool:
    end = -1
    for each in sorted(members, key=lambda each: each.header_offset):
        if each.header_offset < end:
            return True
        name = len(each.orig_filename.encode("utf-8" if each.flag_bits & 0x800 else "cp437", "replace"))
        end = each.header_offset + _LOCAL_HEADER_BYTES + name + each.compress_size
    return False


def _of_package(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Media | None:
    """An office document by the folder of its parts, else by what it calls its main part."""
    names = {each.filename.replace("\\", "/").lstrip("/").lower(): each for each in members}
    if _TYPES not in names:
        return None
    if "xl/workbook.bin" in names:
        return Media.XLSB
    for folder, media in _FOLDERS:
        if any(each.startswith(folder) for each in names):
            return media
    with archive.open(names[_TYPES]) as member:
        match = _MAIN_PART.search(member.read(_MAX_TYPES_BYTES))
    if match is None:
        raise unsupported("an office format that is not read")
    return _MAIN_KINDS[match[1]]


def _of_mimetype(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Media | None:
    """An OpenDocument or a book, by what it says that it is or by the members that it must have."""
    names = {each.filename for each in members}
    if "mimetype" in names:
        with archive.open("mimetype") as member:
            mimetype = member.read(256).strip()
        if mimetype in _MIMETYPES:
            return _MIMETYPES[mimetype]
        if mimetype.startswith((b"application/vnd.oasis.", b"application/vnd.sun.")):
            raise unsupported("an office format that is not read; save it as ODT, ODS or ODP")
    if "META-INF/container.xml" in names and any(each.endswith(".opf") for each in names):
        return Media.EPUB
    if any(each.endswith(".iwa") for each in names):
        raise unsupported("a document of Pages, Numbers or Keynote; export it as PDF")
    return None


def of_tar(path: Path, head: bytes) -> Media | None:
    """A TAR, packed or not, by the sum that each of its headers carries; what else is packed so is one file."""
    if not head.startswith(_COMPRESSED) and not _is_tar_header(head[:512]):
        return None
    try:
        with tarfile.open(path):
            return Media.TAR
    except tarfile.ReadError:
        return _of_packed(path, head)
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise failures.corrupt("archive") from error


def _of_packed(path: Path, head: bytes) -> Media | None:
    """One packed file; CORRUPT where not even its beginning can be unpacked."""
    for magic, opened in _PACKERS:
        if head.startswith(magic):
            try:
                with opened(path) as file:
                    file.read(1)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise failures.corrupt("archive") from error
            return Media.COMPRESSED
    return None


def _is_tar_header(block: bytes) -> bool:
    if len(block) < 512:
        return False
    try:
        told = int(block[148:156].strip(b"\x00 ") or b"-1", 8)
    except ValueError:
        return False
    return told == sum(block[:148]) + 8 * 0x20 + sum(block[156:])


def of_ole(path: Path) -> Media:
    """An old office document or a mail of Outlook."""
    import olefile  # type: ignore[import-untyped]

    try:
        with olefile.OleFileIO(str(path)) as container:
            streams = {each[0] for each in container.listdir(streams=True, storages=False)}
            protected = _is_protected(container, streams)
    except Exception as error:  # a library of parsers: it raises whatever a damaged file leads it to
        raise failures.corrupt("document") from error
    if protected:
        raise failures.encrypted("document")
    if "__properties_version1.0" in streams:
        return Media.MSG
    for stream, media in _STREAMS.items():
        if stream in streams:
            return media
    raise unsupported("a container of an unknown kind")


def _is_protected(container: object, streams: set[str]) -> bool:
    """Each of the old formats says so in a place of its own."""
    if "EncryptedPackage" in streams or "EncryptedSummary" in streams:
        return True
    if "WordDocument" in streams:
        head = _head_of(container, "WordDocument", 12)
        return len(head) == 12 and bool(int.from_bytes(head[10:12], "little") & _FIB_ENCRYPTED)
    if "Current User" in streams:
        head = _head_of(container, "Current User", 16)
        return int.from_bytes(head[12:16], "little") == _PPT_ENCRYPTED
    for stream in ("Workbook", "Book"):
        if stream in streams:
            return _workbook_protected(_head_of(container, stream, 4096))
    return False


def _workbook_protected(head: bytes) -> bool:
    """Whether a record of this name comes among the first."""
    place = 0
    for _ in range(8):
        kind, length = (int.from_bytes(head[place + each : place + each + 2], "little") for each in (0, 2))
        if kind == _XLS_FILEPASS:
            return True
        if place == 0 and kind not in _XLS_BOF:
            return False
        place += 4 + length
    return False


def _head_of(container: object, stream: str, most: int) -> bytes:
    with container.openstream(stream) as opened:  # type: ignore[attr-defined]
        data: bytes = opened.read(most)
    return data
