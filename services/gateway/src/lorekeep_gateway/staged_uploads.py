"""Uploads in parts: each part is staged as it comes, in any order and as often as it comes; completed they are one
document's bytes, read part after part and never held whole.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lorekeep_chassis import errors, logs
from lorekeep_gateway import metadata
from lorekeep_gateway.blobs import Blobs, Staged
from lorekeep_gateway.ids import new_id
from lorekeep_gateway.intake import Intake, Submission
from lorekeep_gateway.keys import Principal
from lorekeep_gateway.store.database import Database, Session

PART_BYTES = 8 * 1024 * 1024
_LOG = logs.logger(__name__)
_MOST_OPEN = 100
_FORGOTTEN_AT_ONCE = 100
_MOST_NAMED = 10

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """An upload that is to come: its whole size, and its hash where the caller knows it."""

    name: str
    size_bytes: int
    sha256: str | None
    document_id: str
    metadata: Mapping[str, Any]
    reading: Mapping[str, Any]


@dataclass(frozen=True)
class StagedUploads:
    """The uploads in parts into one collection, in the name of `principal`."""

    database: Database
    blobs: Blobs
    principal: Principal
    collection_id: str

    async def begin(self, session: Session, plan: Plan, expiry_seconds: float) -> Row:
        """A new upload. LimitExceeded where the organisation has as many open as may be."""
        organisation_id, upload_id = self.principal.organisation_id, new_id("upl")
        if not await session("upload_collection_alive", organisation_id=organisation_id, id=self.collection_id):
            raise errors.NotFound("There is no such collection. List them with GET /api/v1/collections.")
        await session("staged_hold", organisation_id=organisation_id)
        if await session("staged_open", organisation_id=organisation_id) >= _MOST_OPEN:
            raise errors.LimitExceeded(
                f"{_MOST_OPEN} uploads in parts are open. Complete or delete some of them first.",
                reason="too_many_uploads",
                retry_after_seconds=60.0,
            )
        await session(
            "staged_add",
            id=upload_id,
            organisation_id=organisation_id,
            collection_id=self.collection_id,
            actor=self.principal.key_id,
            part_bytes=PART_BYTES,
            name=plan.name,
            size_bytes=plan.size_bytes,
            sha256=plan.sha256,
            public_id=plan.document_id,
            metadata=plan.metadata,
            reading=plan.reading,
            expiry_seconds=expiry_seconds,
        )
        return await self._shown(session, upload_id)

    async def shown(self, upload_id: str) -> Row:
        """An open upload; NotFound where there is none."""
        async with self.database.session() as session:
            return await self._shown(session, upload_id)

    async def receive(self, upload_id: str, number: int, pieces: AsyncIterator[bytes], sha256: str | None) -> Row:
        """Keeps a part, in place of an earlier one of its number."""
        upload = await self.shown(upload_id)
        expected = size_of_part(upload, number)
        staged = await self.blobs.stage(self.principal.organisation_id, _bounded(pieces, expected), upload_id)
        replaced: str | None = staged.path
        try:
            _check(staged, expected, sha256)
            replaced = await self._keep(upload_id, number, staged)
        finally:
            if replaced is not None:
                await self.blobs.discard(Staged(staged.blob, replaced))
        return await self.shown(upload_id)

    async def assembled(self, upload: Row, intake: Intake) -> Submission:
        """All parts as one submission. UnprocessableInput where some are missing or the whole has another hash."""
        async with self.database.session() as session:
            mine = {"organisation_id": self.principal.organisation_id}
            rows = await session("staged_parts", id=upload["id"], **mine)
        _require_all(upload, [row["number"] for row in rows])
        staged, media_type = await intake.file(self._whole(rows), upload["name"])
        if upload["sha256"] not in (None, staged.blob.sha256):
            message = f"The parts make other bytes than were announced; their SHA-256 is {staged.blob.sha256}."
            raise _mismatch(f"{message} Send the wrong part again.")
        kept, given = (staged, media_type), upload["public_id"] or None
        return intake.described(kept, upload["name"], upload["metadata"], given, reading=upload["reading"])

    async def end(self, session: Session, upload_id: str) -> None:
        """Ends an upload in the transaction of what it became; NotFound where it was ended before."""
        if not await session("staged_end", **self._named(upload_id)):
            raise _unknown()

    async def clear(self, upload_id: str) -> None:
        """Removes the parts and the row of an upload that was ended; what fails here the janitor does."""
        try:
            await _clear(self.database, self.blobs, self.principal.organisation_id, upload_id)
        except errors.Unavailable as error:
            _LOG.warning("parts wait for the janitor", extra={"lorekeep": {"reason": error.reason}})

    async def _keep(self, upload_id: str, number: int, staged: Staged) -> str | None:
        """Writes a part down; gives the path of the one that it replaces."""
        mine = {"organisation_id": self.principal.organisation_id, "id": upload_id, "number": number}
        async with self.database.transaction() as session:
            if not await session("staged_alive", **self._named(upload_id)):
                raise _unknown()
            await session("staged_part_hold", id=upload_id, number=number)
            replaced: str | None = await session("staged_part_path", **mine)
            told = {"size_bytes": staged.blob.size_bytes, "sha256": staged.blob.sha256, "path": staged.path}
            await session("staged_part_keep", **mine, **told)
            return replaced

    async def _shown(self, session: Session, upload_id: str) -> Row:
        row = await session("staged_shown", **self._named(upload_id))
        if row is None:
            raise _unknown()
        return dict(row)

    async def _whole(self, parts: Sequence[Row]) -> AsyncIterator[bytes]:
        """Part after part, each checked against the hash that it was received with."""
        for part in parts:
            digest = hashlib.sha256()
            async for piece in self.blobs.staged(part["path"]):
                digest.update(piece)
                yield piece
            if digest.hexdigest() != part["sha256"]:
                raise _mismatch(f"Part {part['number']} is not kept as it came. Send it again.")

    def _named(self, upload_id: str) -> dict[str, str]:
        return {
            "organisation_id": self.principal.organisation_id,
            "collection_id": self.collection_id,
            "id": upload_id,
        }


def planned(intake: Intake, given: Plan) -> Plan:
    """A plan that can be carried out, checked before a byte is sent."""
    if given.size_bytes > intake.max_file_bytes:
        message = f"A file has at most {intake.max_file_bytes} bytes. Split it, or send a smaller one."
        raise errors.TooLarge(message, field="size_bytes")
    told = metadata.checked(given.metadata, intake.schema)
    document_id = intake.document_id(given.document_id or None)
    sha256 = None if given.sha256 is None else given.sha256.lower()
    return Plan(intake.name(given.name), given.size_bytes, sha256, document_id, told, given.reading)


def parts_total(upload: Row) -> int:
    """How many parts an upload has."""
    return -(-int(upload["size_bytes"]) // int(upload["part_bytes"]))


def size_of_part(upload: Row, number: int) -> int:
    """The exact size of a part; UnprocessableInput where the upload has none of that number."""
    total = parts_total(upload)
    if not 1 <= number <= total:
        raise errors.UnprocessableInput(f"The parts of this upload are numbered 1 to {total}.", field="number")
    last = int(upload["size_bytes"]) - (total - 1) * int(upload["part_bytes"])
    return last if number == total else int(upload["part_bytes"])


async def forget_uploads(database: Database, blobs: Blobs) -> int:
    """Removes uploads that have expired, were completed or given up; gives how many."""
    async with database.session() as session:
        ended = await session("staged_ended", limit=_FORGOTTEN_AT_ONCE)
    for each in ended:
        await _clear(database, blobs, each["organisation_id"], each["id"])
    return len(ended)


async def _clear(database: Database, blobs: Blobs, organisation_id: str, upload_id: str) -> None:
    await blobs.discard_folder(organisation_id, upload_id)
    async with database.session() as session:
        await session("staged_forget", organisation_id=organisation_id, id=upload_id)


async def _bounded(pieces: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > most:
            raise _wrong_size(most)
        yield piece


def _check(staged: Staged, expected: int, sha256: str | None) -> None:
    if staged.blob.size_bytes != expected:
        raise _wrong_size(expected)
    if sha256 is not None and sha256.lower() != staged.blob.sha256:
        raise _mismatch("The part's SHA-256 is not the one that was sent with it. Send it again.")


def _require_all(upload: Row, received: Sequence[int]) -> None:
    missing = sorted({*range(1, parts_total(upload) + 1)} - {*received})
    if missing:
        named = ", ".join(map(str, missing[:_MOST_NAMED])) + (" and more" if len(missing) > _MOST_NAMED else "")
        raise errors.UnprocessableInput(
            f"Parts are missing: {named}. Send them, then complete the upload.", reason="parts_missing", field="parts"
        )


def _wrong_size(expected: int) -> errors.UnprocessableInput:
    message = f"This part has exactly {expected} bytes. Send it whole."
    return errors.UnprocessableInput(message, reason="wrong_part_size", field="body")


def _mismatch(message: str) -> errors.UnprocessableInput:
    return errors.UnprocessableInput(message, reason="checksum_mismatch", field="sha256")


def _unknown() -> errors.NotFound:
    return errors.NotFound(
        "There is no such upload; it was completed, deleted or expired. Begin another.", reason="upload_not_found"
    )
