"""The members of an archive, in its order. Nothing that it says of itself is believed."""

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.readers.archives.unpacking import Budget, Exhausted

# What the libraries raise about archives that are broken, or packed in a way that they do not know.
UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError,
    NotImplementedError,
)  # fmt: skip
_MOST_MEMBERS = 10_000
_MOST_NAME_CHARACTERS = 1024
_PIECE_BYTES = 256 * 1024
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_EAST_ASIAN = ("cp932", "euc_jp", "gb18030", "big5", "euc_kr")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:$")
_OPENERS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open),
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One file. `obstacle` is a word of the warnings where it cannot become a document; `pieces` gives its bytes,
    while it is the latest member."""

    name: str
    obstacle: str
    pieces: Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Listing:
    """What an archive holds; `warnings` where it holds more than is looked at."""

    members: list[Member]
    warnings: list[str]


def listed(path: Path, kind: Media, name: str) -> Listing:
    """The members by name; not to be opened. UNREADABLE where the archive is broken before the first."""
    found: list[Member] = []
    try:
        found.extend(members(path, kind, name))
    except Exhausted:
        return Listing(found, [f"members_beyond: the archive was read to its member {len(found)}, which is too large"])
    except UNREADABLE:
        if not found:
            raise
        return Listing(found, [f"archive_damaged: the archive is broken behind its member {len(found)}"])
    if len(found) <= _MOST_MEMBERS:
        return Listing(found, [])
    return Listing(found[:-1], [f"members_beyond: only the first {_MOST_MEMBERS} members were looked at"])


def members(path: Path, kind: Media, name: str) -> Iterator[Member]:
    """The first members, one after the other; one more than are looked at."""
    if kind is Media.ZIP:
        return islice(_of_zip(path), _MOST_MEMBERS + 1)
    return islice(_of_tar(path), _MOST_MEMBERS + 1) if kind is Media.TAR else _of_file(path, name)


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        files = [each for each in archive.infolist() if not each.is_dir()]
        encoding = _encoding_of_names(files[: _MOST_MEMBERS + 1])
        for info in files:
            name = info.filename if encoding is None or _is_told(info) else _raw(info).decode(encoding, "replace")
            yield Member(_cleaned(name), _zip_obstacle(info), partial(_read, partial(archive.open, info)))


def _zip_obstacle(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        return "member_special"
    return "member_encrypted" if info.flag_bits & _ENCRYPTED else ""


def _encoding_of_names(files: list[zipfile.ZipInfo]) -> str | None:
    """Names that are not marked as UTF-8 are in it nevertheless, or in what their writer's system had: an East Asian
    encoding where that makes ideographs of most of it. None for what DOS had."""
    raw = b"\n".join(_raw(each) for each in files if not _is_told(each))
    if not raw:
        return None
    text, encoding = decoding.decoded(raw)
    letters = [each for each in text if each.isalpha()]
    foreign = sum(1 for each in letters if not each.isascii())
    return encoding if encoding == "utf-8" or (encoding in _EAST_ASIAN and 3 * foreign > len(letters)) else None


def _is_told(info: zipfile.ZipInfo) -> bool:
    return bool(info.flag_bits & _UTF8_NAME) or info.filename.isascii()


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.filename.encode("cp437", "replace")


def _of_tar(path: Path) -> Iterator[Member]:
    with _Counted(_plain(path), path.stat().st_size) as file, tarfile.open(fileobj=file, mode="r|") as archive:
        for info in archive:
            if not info.isdir():
                special = "" if info.isreg() else "member_special"
                yield Member(_cleaned(info.name), special, partial(_read, partial(archive.extractfile, info)))


def _of_file(path: Path, name: str) -> Iterator[Member]:
    stem = name.replace("\\", "/").rpartition("/")[2]
    inner = stem.rpartition(".")[0] or f"{stem or 'untitled'}.unpacked"
    yield Member(_cleaned(inner), "", partial(_read, partial(_plain, path)))


def _plain(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        head = file.read(8)
    opener = next((each for magic, each in _OPENERS if head.startswith(magic)), None)
    opened: BinaryIO = path.open("rb") if opener is None else opener(path)
    return opened


def _read(opened: Callable[[], Any]) -> Iterator[bytes]:
    with opened() as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


class _Counted(io.RawIOBase):
    """A stream that ends with Exhausted where it unpacks to more than it may, what is passed over counted too."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._budget = Budget(size_bytes)

    def readable(self) -> bool:
        """It is only read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer only at the end."""
        data = self._file.read(size)
        self._budget.take(len(data))
        return data

    def close(self) -> None:
        """Closes what it reads from."""
        self._file.close()
        super().close()


def _cleaned(name: str) -> str:
    """A path that leads nowhere but into the archive."""
    parts = [_UNPRINTABLE.sub("", each).strip() for each in name.replace("\\", "/").split("/")]
    kept = [each for each in parts if each not in ("", ".", "..") and not _DRIVE.match(each)]
    return "/".join(kept)[-_MOST_NAME_CHARACTERS:].lstrip("/") or "untitled"
