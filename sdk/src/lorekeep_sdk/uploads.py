"""What can be uploaded, opened so that it streams and can be sent again after a broken connection."""

import io
import mimetypes
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

Source = str | os.PathLike[str] | bytes | IO[bytes]
OnSent = Callable[[int], None]

_IN_MEMORY_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_SLOWEST_BYTES_PER_SECOND = 256 * 1024


class Upload(io.RawIOBase):
    """A file to send, from its start, with a name. Tells `on_sent` how many bytes have been read for sending."""

    def __init__(self, file: IO[bytes], name: str, on_sent: OnSent | None) -> None:
        super().__init__()
        self.name = name
        self.media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        self._file = file
        self._on_sent = on_sent

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; the count told to `on_sent` starts anew when the upload is sent again."""
        piece = self._file.read(size)
        if self._on_sent:
            self._on_sent(self._file.tell())
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def seconds_allowed(self, base: float) -> float:
        """A deadline that leaves a slow line time for the size."""
        return base + seconds_for(self.size_bytes)


def seconds_for(size_bytes: int) -> float:
    """How long a slow line takes for so many bytes."""
    return size_bytes / _SLOWEST_BYTES_PER_SECOND


@contextmanager
def opened(source: Source, name: str | None = None, on_sent: OnSent | None = None) -> Iterator[Upload]:
    """The source as an upload, closed afterwards unless it is the caller's own file object.

    A file object must be binary; one that cannot seek (a pipe) is first copied to a temporary file, because an upload
    must be repeatable. OSError where a path cannot be read; ValueError where bytes or a nameless file have no name.
    """
    if isinstance(source, bytes):
        with io.BytesIO(source) as held:
            yield Upload(held, _named(name), on_sent)
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with path.open("rb") as file:
            yield Upload(file, name or path.name, on_sent)
    elif source.seekable():
        yield Upload(source, _named(name, source), on_sent)
    else:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            for piece in iter(lambda: source.read(_PIECE_BYTES), b""):
                copy.write(piece)
            yield Upload(copy, _named(name, source), on_sent)


def _named(name: str | None, file: IO[bytes] | None = None) -> str:
    own = getattr(file, "name", None)
    chosen = name or (Path(own).name if isinstance(own, (str, os.PathLike)) else "")
    if not chosen:
        raise ValueError("Give the document a name, for example name='report.pdf'.")
    return chosen
