"""Blobs: originals by their SHA-256 and parsed artefacts by version, below the organisation's own prefix.

A directory or a bucket, chosen by URL. Nothing is held whole in memory but one segment.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import LocalStore, from_url
from prometheus_client import Counter

from lorekeep.document.v1.document_pb2 import Segment
from lorekeep_chassis import errors, logs
from lorekeep_gateway import segments

_LOG = logs.logger(__name__)
_CORRUPT = Counter("blobs_corrupt_total", "Originals that were read and no longer fitted their hash.")
_BUFFER_BYTES = 4 * 1024 * 1024
_READ_BYTES = 512 * 1024


@dataclass(frozen=True)
class Blob:
    """Bytes that are kept: their SHA-256 as 64 hex digits, and how many."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Staged:
    """Bytes that lie at `path` until they are promoted or discarded."""

    blob: Blob
    path: str


class Blobs:
    """The blob store at `url`; `file:` URLs name a directory, made where it is missing."""

    def __init__(self, url: str) -> None:
        self._store: Any = _store(url)

    async def keep(self, organisation_id: str, content: AsyncIterator[bytes]) -> Blob:
        """Streams `content` in while hashing, and keeps it under its hash. Nothing stays behind when it fails."""
        staged = await self.stage(organisation_id, content)
        await self.promote(organisation_id, staged)
        return staged.blob

    async def stage(self, organisation_id: str, content: AsyncIterator[bytes]) -> "Staged":
        """Streams `content` in while hashing, to a place of its own, where no other upload of the same bytes meets it.
        Nothing stays behind when it fails."""
        upload = f"{_home(organisation_id)}/uploads/{uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        try:
            async with obstore.open_writer_async(self._store, upload, buffer_size=_BUFFER_BYTES) as writer:
                async for piece in content:
                    digest.update(piece)
                    size += len(piece)
                    await writer.write(piece)
        except BaseException:
            await self._forget(upload)
            raise
        return Staged(Blob(digest.hexdigest(), size), upload)

    async def promote(self, organisation_id: str, staged: "Staged") -> None:
        """Keeps staged bytes under their hash."""
        original = _original(organisation_id, staged.blob.sha256)
        await obstore.rename_async(self._store, staged.path, original, overwrite=True)

    async def discard(self, staged: "Staged") -> None:
        """Removes staged bytes; nothing happens where they were promoted."""
        await self._forget(staged.path)

    async def read(self, organisation_id: str, sha256: str, size_bytes: int | None = None) -> AsyncIterator[bytes]:
        """Streams an original in pieces of at most 512 KiB; NotFound where it is gone, or is not what it was.

        The last piece comes only once the whole is known to fit its hash, so nobody ever has all of a damaged blob.
        """
        found = await self._found(_original(organisation_id, sha256))
        if size_bytes not in (None, found.meta["size"]):
            raise _corrupt(organisation_id, sha256)
        digest, held = hashlib.sha256(), b""
        async for piece in found.stream(min_chunk_size=_READ_BYTES):
            digest.update(piece)
            view = memoryview(piece)
            for start in range(0, len(view), _READ_BYTES):
                if held:
                    yield held
                held = bytes(view[start : start + _READ_BYTES])
        if digest.hexdigest() != sha256:
            raise _corrupt(organisation_id, sha256)
        yield held

    async def remove(self, organisation_id: str, sha256: str) -> None:
        """Removes an original; nothing happens where it is gone."""
        await self._forget(_original(organisation_id, sha256))

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
            _LOG.error("a segment cannot be read", extra={"lorekeep": {"path": path, "error": repr(error)}})
            raise artefact_missing() from error

    async def segments(self, organisation_id: str, version_id: str, count: int) -> AsyncIterator[Segment]:
        """A version's segments in order."""
        for ordinal in range(count):
            yield await self.segment(organisation_id, version_id, ordinal)

    async def remove_artefact(self, organisation_id: str, version_id: str) -> int:
        """Removes a version's artefact; gives the number of segments."""
        paths = []
        async for listed in obstore.list(self._store, prefix=f"{_home(organisation_id)}/artefacts/{version_id}"):
            paths += [each["path"] for each in listed]
        if paths:
            await obstore.delete_async(self._store, paths)
        return len(paths)

    async def ping(self) -> None:
        """Unavailable where the store does not answer."""
        try:
            await obstore.list_with_delimiter_async(self._store, prefix="organisations")
        except (ObjectStoreError, OSError) as error:
            raise errors.Unavailable("The blob store is not answering. Try again shortly.") from error

    async def _found(self, path: str) -> Any:
        try:
            return await obstore.get_async(self._store, path)
        except FileNotFoundError as error:
            raise errors.NotFound("The document's bytes are gone. Upload it again.", reason="blob_missing") from error

    async def _forget(self, path: str) -> None:
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return


def artefact_missing() -> errors.NotFound:
    """What was read of a document is gone or damaged."""
    return errors.NotFound("What was read of the document is gone. Upload it again.", reason="artefact_missing")


def _corrupt(organisation_id: str, sha256: str) -> errors.NotFound:
    _CORRUPT.inc()
    _LOG.error("a blob does not fit its hash", extra={"lorekeep": {"organisation": organisation_id, "sha256": sha256}})
    return errors.NotFound("The document's bytes are damaged. Upload it again.", reason="blob_corrupt")


def _store(url: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return from_url(url)
    root = Path(unquote(parts.path))
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LocalStore(root)


def _home(organisation_id: str) -> str:
    return f"organisations/{organisation_id}"


def _original(organisation_id: str, sha256: str) -> str:
    return f"{_home(organisation_id)}/blobs/{sha256[:2]}/{sha256}"


def _segment(organisation_id: str, version_id: str, ordinal: int) -> str:
    return f"{_home(organisation_id)}/artefacts/{version_id}/{ordinal:06d}.pb.gz"
