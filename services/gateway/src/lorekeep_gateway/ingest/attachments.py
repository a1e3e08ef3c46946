"""Documents inside of the one that is read, on their way from the parser into the blob store."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway import media
from lorekeep_gateway.blobs import Blobs, Staged
from lorekeep_gateway.ingest.claimed import Claimed

# A document that lies as deep as this is read without what is inside of it; so is one of a family that has grown large.
MOST_DEPTH = 3
MOST_DOCUMENTS = 2000
_MOST_FAMILY_BYTES = 4 * 2**30
_MOST_ATTACHMENTS = 1000
_MOST_BYTES = 50 * 2**20
_ANY = "application/octet-stream"


class Attachments:
    """Keeps what is found in one version, each in the blob store and as a row, under the lease of the version's job.

    Nothing is held in memory but a piece. The same reading writes the same rows again.
    """

    def __init__(self, blobs: Blobs, claimed: Claimed) -> None:
        self._blobs = blobs
        self._claimed = claimed
        self._organisation_id: str = claimed.job["organisation_id"]
        self._folder: str = claimed.job["version_id"]

    async def room(self) -> bool:
        """Whether there is room for documents inside of this one. Those that it has already take none: what is found
        now comes in their place."""
        async with self._claimed.database.session() as session:
            family = await session(
                "attachment_family",
                organisation_id=self._organisation_id,
                document_id=self._claimed.job["document_id"],
            )
        few = family["documents"] - family["documents_inside"] < MOST_DOCUMENTS
        small = family["size_bytes"] - family["size_inside_bytes"] < _MOST_FAMILY_BYTES
        return bool(family["depth"] < MOST_DEPTH and few and small)

    async def begin(self) -> None:
        """Removes what a run that was killed had staged."""
        if self._claimed.job["run_count"] > 1:
            await self._tidied()

    async def keep(self, told: parser_pb2.Attachment, content: AsyncIterator[bytes]) -> None:
        """Keeps one, whose bytes are `content`; Unavailable where a store is away, to be read again from the parser."""
        if told.ordinal >= _MOST_ATTACHMENTS or not 1 <= told.size_bytes <= _MOST_BYTES:
            raise errors.Internal()
        head = bytearray()

        async def seen() -> AsyncIterator[bytes]:
            async for piece in content:
                head.extend(piece[: media.HEAD_BYTES - len(head)])
                yield piece

        staged = await self._blobs.stage(self._organisation_id, seen(), self._folder)
        try:
            await self._noted(told, staged, _media_type(bytes(head), told))
        except BaseException:
            await self._blobs.discard(staged)
            raise

    async def end(self, count: int) -> None:
        """The version was read to its end and has `count` of them; Internal where these are not all here."""
        async with self._claimed.lease.transaction() as session:
            kept = await session("attachments_counted", count=count, **self._claimed.owner)
        if kept != count:
            raise errors.Internal()
        if count:
            await self._tidied()

    async def _tidied(self) -> None:
        self._claimed.lease.require()
        await self._blobs.discard_folder(self._organisation_id, self._folder)

    async def _noted(self, told: parser_pb2.Attachment, staged: Staged, media_type: str) -> None:
        blob = staged.blob
        row: Mapping[str, Any] = {
            "ordinal": told.ordinal,
            "name": told.name.replace("\x00", ""),
            "media_type": media_type,
            "blob_sha256": blob.sha256,
            "size_bytes": blob.size_bytes,
        }
        async with self._claimed.lease.transaction() as session:
            await session("blob_hold", organisation_id=self._organisation_id, sha256=blob.sha256)
            await self._blobs.promote(self._organisation_id, staged)
            await session("attachment_keep", **self._claimed.owner, **row)


def _media_type(head: bytes, told: parser_pb2.Attachment) -> str:
    """By content, as of an upload; what the parser will make of the rest is seen when it is read."""
    try:
        return media.media_type(head, told.name, told.declared_media_type)
    except (errors.UnsupportedMedia, errors.UnprocessableInput):
        return _ANY
