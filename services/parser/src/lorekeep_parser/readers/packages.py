"""Members of a zip container, read with bounds."""

import posixpath
import zipfile
import zlib
from pathlib import Path
from urllib.parse import unquote

from lorekeep_parser import failures
from lorekeep_parser.formats import decoding

MAX_MEMBER_BYTES = 256 * 2**20


class Package:
    """An open container. `what` names it to a person."""

    def __init__(self, path: Path, what: str) -> None:
        self._what = what
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise failures.corrupt(what) from error
        self._names = {each.filename.lower(): each for each in self._archive.infolist()}

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return name.lower() in self._names

    def bytes_of(self, name: str) -> bytes:
        """A member's bytes; typed errors where it is missing, damaged or protected."""
        member = self._names.get(name.lower())
        if member is None:
            raise failures.corrupt(self._what)
        if member.file_size > MAX_MEMBER_BYTES:
            raise failures.too_large_unpacked(MAX_MEMBER_BYTES)
        try:
            return self._archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
            raise failures.corrupt(self._what) from error
        except RuntimeError as error:  # zipfile's way to ask for a password
            raise failures.encrypted(self._what) from error

    def text_of(self, name: str) -> str:
        """A member's text without its mark."""
        return decoding.decoded(self.bytes_of(name))[0].lstrip("\ufeff")


def beside(name: str, href: str) -> str:
    """The member that a reference within member `name` means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(href.partition("#")[0]))).lstrip("/")
