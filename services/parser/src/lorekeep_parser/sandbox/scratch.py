"""Scratch space: one directory per document, removed at its end, and all of them at the start."""

import asyncio
import errno
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from lorekeep_chassis import logs
from lorekeep_chassis.errors import LorekeepError, Unavailable
from lorekeep_parser import failures

_LOG = logs.logger(__name__)


class Scratch:
    """Directories below `temp_dir`. `name` keeps parsers that share it apart."""

    def __init__(self, temp_dir: Path, name: str) -> None:
        self._root = temp_dir / name

    def clear(self) -> None:
        """Makes the root, empty: what an earlier life left behind is gone."""
        self.remove()
        self._root.mkdir(parents=True, mode=0o700)

    def remove(self) -> None:
        """Leaves nothing behind."""
        shutil.rmtree(self._root, ignore_errors=True)

    def shelf(self, name: str) -> Path:
        """A directory that lives as long as the process."""
        path = self._root / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    @asynccontextmanager
    async def directory(self) -> AsyncIterator[Path]:
        """A fresh directory, removed with all that is in it when the block ends."""
        with disk_errors_typed():
            path = Path(tempfile.mkdtemp(prefix="document-", dir=self._root))
        try:
            yield path
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, path, ignore_errors=True))


class disk_errors_typed:
    """Turns errors of the scratch disk into typed ones."""

    def __enter__(self) -> None:
        """Nothing to acquire."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError):
            raise _typed(error) from None


def _typed(error: OSError) -> LorekeepError:
    _LOG.error("the scratch disk failed", extra={"lorekeep": {"errno": error.errno}})
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return failures.disk_full()
    return Unavailable("The parser's scratch disk cannot be used. Tell your operator.", reason="disk_failed",
                       retry_after_seconds=30.0)  # fmt: skip


async def written(file: BinaryIO, data: bytes) -> None:
    """Writes without holding up the event loop."""
    with disk_errors_typed():
        await asyncio.to_thread(_write, file, data)


def _write(file: BinaryIO, data: bytes) -> None:
    """All of it: a disk that is nearly full takes a part and says nothing."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
