"""Blobs: originals by their SHA-256 and parsed artefacts by version, below the organisation's own prefix.

A directory or a bucket, chosen by URL. Nothing is held whole in memory but one segment.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import LocalStore, from_url

from lorekeep.document.v1.document_pb2 import Segment
from lorekeep_chassis import errors
from lorekeep_gateway import segments
from lorekeep_gateway.blob_errors import artefact_missing, blob_corrupt, translated
from lorekeep_gateway.blob_strays import remove_strays

# What one upload holds: a little for a file; for a bucket a part, which has at least 5 MiB there, one at a time.
_FILE_BUFFER_BYTES = 1024 * 1024
_PART_BUFFER_BYTES = 5 * 1024 * 1024
_READ_BYTES = 512 * 1024
_LISTED = 500
SEGMENT_ENDING = ".pb.gz"


@dataclass(frozen=True)
class Blob:
    """Bytes that are kept: their SHA-256 as 64 hex digits, and how many."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Staged:
    """Bytes that lie at `path` until they are promoted or discarded; None where they lie under their hash already."""

    blob: Blob
    path: str | None


@dataclass(frozen=True)
class Kept:
    """Something in the store: `path` is its whole name, `place` its name within the organisation."""

    path: str
    place: str
    size_bytes: int
    changed_at: datetime

    @property
    def name(self) -> str:
        """The last part of its name: of an original the hash."""
        return self.place.rpartition("/")[2]

    @property
    def kind(self) -> str:
        """`blobs`, `artefacts` or `uploads`."""
        return self.place.partition("/")[0]


class Blobs:
    """The blob store at `url`; `file:` URLs name a directory, made where it is missing."""

    def __init__(self, url: str) -> None:
        self._store: Any = store_at(url)
        self._root = self._store.prefix if isinstance(self._store, LocalStore) else None
        self._buffer_bytes = _FILE_BUFFER_BYTES if self._root else _PART_BUFFER_BYTES

    async def keep(self, organisation_id: str, content: AsyncIterator[bytes]) -> Blob:
        """Streams `content` in while hashing, and keeps it under its hash. Nothing stays behind when it fails."""
        staged = await self.stage(organisation_id, content)
        await self.promote(organisation_id, staged)
        return staged.blob

    async def stage(self, organisation_id: str, content: AsyncIterator[bytes], folder: str = "") -> "Staged":
        """Streams `content` in while hashing, to a place of its own, where no other upload of the same bytes meets it;
        `folder` groups what belongs together. Nothing stays behind when it fails; Unavailable where the store does not
        take it."""
        upload = f"{_staging(organisation_id, folder)}/{uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        writer = obstore.open_writer_async(self._store, upload, buffer_size=self._buffer_bytes, max_concurrency=1)
        try:
            with translated():
                async with writer:
                    async for piece in content:
                        digest.update(piece)
                        size += len(piece)
                        await writer.write(piece)
        except BaseException:
            with suppress(errors.Unavailable):  # what is left is swept
                await self._forget(upload)
            raise
        return Staged(Blob(digest.hexdigest(), size), upload)

    async def promote(self, organisation_id: str, staged: "Staged") -> None:
        """Keeps staged bytes under their hash."""
        if staged.path is None:
            return
        original = _original(organisation_id, staged.blob.sha256)
        with translated():
            await obstore.rename_async(self._store, staged.path, original, overwrite=True)

    async def keep_beside(self, organisation_id: str, version_id: str, name: str, staged: "Staged") -> None:
        """Keeps staged bytes beside a version's segments, under a name of their own; they go with the artefact."""
        place = f"{_artefact(organisation_id, version_id)}/{name}"
        with translated():
            await obstore.rename_async(self._store, staged.path or "", place, overwrite=True)

    async def discard(self, staged: "Staged") -> None:
        """Removes staged bytes; nothing happens where they were promoted."""
        if staged.path is not None:
            await self._forget(staged.path)

    async def staged(self, path: str) -> AsyncIterator[bytes]:
        """Streams staged bytes in pieces of at most 512 KiB; NotFound where they are gone."""
        async for piece in self._pieces(path):
            yield piece

    async def discard_folder(self, organisation_id: str, folder: str) -> None:
        """Removes all that was staged into a folder, and the folder where it is one."""
        with translated():
            await self._forget_below(_staging(organisation_id, folder))
        if self._root is not None:
            with suppress(OSError):
                (self._root / _staging(organisation_id, folder)).rmdir()

    async def read(self, organisation_id: str, sha256: str, size_bytes: int | None = None) -> AsyncIterator[bytes]:
        """Streams an original in pieces of at most 512 KiB; NotFound where it is gone, or is not what it was.

        The last piece comes only once the whole is known to fit its hash, so nobody ever has all of a damaged blob.
        """
        found = await self._found(_original(organisation_id, sha256))
        if size_bytes not in (None, found.meta["size"]):
            raise blob_corrupt(organisation_id, sha256)
        digest, held = hashlib.sha256(), b""
        async for piece in found.stream(min_chunk_size=_READ_BYTES):
            digest.update(piece)
            view = memoryview(piece)
            for start in range(0, len(view), _READ_BYTES):
                if held:
                    yield held
                held = bytes(view[start : start + _READ_BYTES])
        if digest.hexdigest() != sha256:
            raise blob_corrupt(organisation_id, sha256)
        yield held

    async def remove(self, organisation_id: str, sha256: str) -> bool:
        """Removes an original; whether there was one."""
        return await self._forget(_original(organisation_id, sha256))

    async def keep_segment(self, organisation_id: str, version_id: str, segment: Segment) -> None:
        """Keeps one segment of a version's artefact, in place of an earlier one of the same ordinal."""
        path = _segment(organisation_id, version_id, segment.ordinal)
        await obstore.put_async(self._store, path, segments.packed(segment))

    async def segment(self, organisation_id: str, version_id: str, ordinal: int) -> Segment:
        """One segment of a version's artefact; NotFound, `artefact_missing`, where it is gone or damaged."""
        path = _segment(organisation_id, version_id, ordinal)
        try:
            found = await obstore.get_async(self._store, path)
            return segments.unpacked(bytes(await found.bytes_async()))
        except (FileNotFoundError, ValueError) as error:
            raise artefact_missing(path, error) from error

    async def segments(self, organisation_id: str, version_id: str, count: int) -> AsyncIterator[Segment]:
        """A version's segments in order."""
        for ordinal in range(count):
            yield await self.segment(organisation_id, version_id, ordinal)

    async def remove_artefact(self, organisation_id: str, version_id: str) -> int:
        """Removes a version's artefact; gives the number of segments."""
        gone = await self._forget_below(_artefact(organisation_id, version_id))
        return sum(each.endswith(SEGMENT_ENDING) for each in gone)

    async def organisations(self) -> list[str]:
        """The organisations that have anything here."""
        found = await obstore.list_with_delimiter_async(self._store, prefix="organisations")
        return sorted(each.rstrip("/").rpartition("/")[2] for each in found["common_prefixes"])

    async def listed(self, organisation_id: str, below: str = "") -> AsyncIterator[list["Kept"]]:
        """What an organisation has, in portions and in no order; `below` is a folder such as `blobs/ab`."""
        home = _home(organisation_id)
        async for portion in obstore.list(self._store, prefix=f"{home}/{below}".rstrip("/"), chunk_size=_LISTED):
            yield [
                Kept(each["path"], each["path"].removeprefix(f"{home}/"), each["size"], each["last_modified"])
                for each in portion
            ]

    async def has(self, organisation_id: str, sha256: str) -> bool:
        """Whether an original is there."""
        try:
            await obstore.head_async(self._store, _original(organisation_id, sha256))
        except FileNotFoundError:
            return False
        return True

    async def hashed(self, organisation_id: str, sha256: str) -> str:
        """The hash that an original's bytes have now; NotFound where it is gone."""
        digest = hashlib.sha256()
        found = await self._found(_original(organisation_id, sha256))
        async for piece in found.stream(min_chunk_size=_READ_BYTES):
            digest.update(piece)
        return digest.hexdigest()

    async def remove_all(self, paths: Sequence[str]) -> None:
        """Removes what lies at paths, as `listed` and `Staged` name them; nothing happens where it is gone."""
        for path in paths:
            await self._forget(path)

    async def remove_strays(self, organisation_id: str, before: datetime) -> list[str]:
        """Removes what killed processes left half written; only a directory has such."""
        if self._root is None:
            return []
        return await asyncio.to_thread(remove_strays, self._root / _home(organisation_id), before)

    async def ping(self) -> None:
        """Unavailable where the store does not answer."""
        try:
            await obstore.list_with_delimiter_async(self._store, prefix="organisations")
        except (ObjectStoreError, OSError) as error:
            raise errors.Unavailable("The blob store is not answering. Try again shortly.") from error

    async def _pieces(self, path: str) -> AsyncIterator[bytes]:
        found = await self._found(path)
        async for piece in found.stream(min_chunk_size=_READ_BYTES):
            view = memoryview(piece)
            for start in range(0, len(view), _READ_BYTES):
                yield bytes(view[start : start + _READ_BYTES])

    async def _found(self, path: str) -> Any:
        try:
            return await obstore.get_async(self._store, path)
        except FileNotFoundError as error:
            raise errors.NotFound("The document's bytes are gone. Upload it again.", reason="blob_missing") from error

    async def _forget(self, path: str) -> bool:
        """Whether there was something. Buckets do not tell, so they are asked before."""
        with translated():
            try:
                await obstore.head_async(self._store, path)
                await obstore.delete_async(self._store, path)
            except FileNotFoundError:
                return False
        return True

    async def _forget_below(self, prefix: str) -> list[str]:
        paths = []
        async for listed in obstore.list(self._store, prefix=prefix):
            paths += [each["path"] for each in listed]
        try:
            await obstore.delete_async(self._store, paths)
        except FileNotFoundError:  # another process removes the same
            for path in paths:
                await self._forget(path)
        return paths


def store_at(url: str) -> Any:
    """The object store of a URL; a directory is made where it is missing."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return from_url(url)
    root = Path(unquote(parts.path))
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LocalStore(root)


def _home(organisation_id: str) -> str:
    return f"organisations/{organisation_id}"


def _staging(organisation_id: str, folder: str) -> str:
    return f"{_home(organisation_id)}/uploads{f'/{folder}' if folder else ''}"


def _original(organisation_id: str, sha256: str) -> str:
    return f"{_home(organisation_id)}/blobs/{sha256[:2]}/{sha256}"


def _segment(organisation_id: str, version_id: str, ordinal: int) -> str:
    return f"{_artefact(organisation_id, version_id)}/{ordinal:06d}{SEGMENT_ENDING}"


def _artefact(organisation_id: str, version_id: str) -> str:
    return f"{_home(organisation_id)}/artefacts/{version_id}"
