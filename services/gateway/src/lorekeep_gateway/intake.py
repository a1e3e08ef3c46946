"""Intake: what a caller sends becomes staged bytes with a checked description, or a typed refusal."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lorekeep_chassis import errors
from lorekeep_gateway import media, metadata
from lorekeep_gateway.blobs import Blob, Blobs, Staged

MAX_ID_CHARS = 255
MAX_NAME_CHARS = 1024
_PARTS_OF_DOCUMENTS = ("chunks", "content", "pages", "versions", "refresh")
_RESTORE = re.compile(r"./versions/[0-9]+/restore$")
_LENGTH = f"A document id has 1 to {MAX_ID_CHARS} characters."
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Submission:
    """A document that may be accepted: its bytes are staged. `document_id` is the caller's own or empty.

    `kind` and `source` say where it comes from, `reading` how this one document is to be read. `changes` is the number
    of the version that it was made from, for a change that no other change may have come before.
    """

    staged: Staged
    media_type: str
    name: str
    metadata: Mapping[str, Any]
    document_id: str
    kind: str = "file"
    source: Mapping[str, Any] = field(default_factory=dict)
    changes: int | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def blob(self) -> Blob:
        """The bytes that were sent."""
        return self.staged.blob

    @property
    def request_hash(self) -> str:
        """SHA-256 over bytes and description: equal for a repeat of the same request."""
        told = [self.blob.sha256, self.name, self.document_id, self.metadata, self.kind, self.reading]
        return hashlib.sha256(_spelt(told).encode()).hexdigest()

    def says_what(self, version: Mapping[str, Any]) -> bool:
        """Whether a version (a row with its document's kind) has the same bytes under the same description, to be read
        in the same way."""
        mine = [self.blob.sha256, self.media_type, self.name, self.metadata, self.kind, self.reading]
        theirs = [version[each] for each in ("blob_sha256", "media_type", "name", "metadata", "kind", "reading")]
        return _spelt(mine) == _spelt(theirs)


@dataclass
class Intake:
    """Takes in what one request brings for one collection. `staged` is all that it staged, refused or not."""

    blobs: Blobs
    organisation_id: str
    schema: Mapping[str, str]
    max_file_bytes: int
    max_text_chars: int
    staged: list[Staged] = field(default_factory=list)

    async def file(self, pieces: AsyncIterator[bytes], name: str, declared: str = "") -> tuple[Staged, str]:
        """Stages a file; gives it and its media type, which the `declared` one refines where both are text.

        Refuses what is empty, too large or unread.
        """
        beginning, ended = await _beginning(pieces, self.max_file_bytes)
        kind = media.media_type(beginning, name, declared)
        return await self._stage(self._bounded(beginning, None if ended else pieces)), kind

    async def text(self, given: Any, field_name: str = "text") -> tuple[Staged, str]:
        """Stages an inline text. UnprocessableInput where it is blank, too long or not to be kept as UTF-8."""
        if not isinstance(given, str) or not given.strip():
            message = f"The {field_name} is blank. Send some text."
            raise errors.UnprocessableInput(message, reason="blank_text", field=field_name)
        if len(given) > self.max_text_chars:
            message = f"The text has {len(given)} characters; at most {self.max_text_chars} are taken inline."
            raise errors.UnprocessableInput(f"{message} Upload it as a file.", reason="text_too_long", field=field_name)
        if metadata.UNSTORABLE.search(given):
            raise errors.UnprocessableInput("The text holds NUL or half a surrogate pair.", field=field_name)

        async def encoded() -> AsyncIterator[bytes]:
            yield given.encode()

        return await self._stage(encoded()), "text/plain"

    def described(
        self,
        kept: tuple[Staged, str],
        name: str,
        given: Mapping[str, Any] | None,
        document_id: str | None,
        kind: str = "file",
        source: Mapping[str, Any] | None = None,
        reading: Mapping[str, Any] | None = None,
    ) -> Submission:
        """Staged bytes with their checked description."""
        staged, media_type = kept
        told = metadata.checked(given or {}, self.schema)
        document_id = self.document_id(document_id)
        return Submission(
            staged, media_type, self.name(name), told, document_id, kind, source or {}, reading=reading or {}
        )

    def name(self, given: str) -> str:
        """A document's name, as shown: without folders' separators' tricks, controls or undue length."""
        return _UNPRINTABLE.sub("", given).strip()[:MAX_NAME_CHARS] or "untitled"

    def document_id(self, given: Any) -> str:
        """A caller's own id, or empty where none was given."""
        if given is None:
            return ""
        refusal = refused_id(given) if isinstance(given, str) else _LENGTH
        if refusal:
            raise errors.UnprocessableInput(refusal, field="document_id")
        return str(given)

    async def _stage(self, pieces: AsyncIterator[bytes]) -> Staged:
        staged = await self.blobs.stage(self.organisation_id, pieces)
        self.staged.append(staged)
        return staged

    async def _bounded(self, beginning: bytes, rest: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
        size = len(beginning)
        yield beginning
        if rest is None:
            return
        async for piece in rest:
            size += len(piece)
            if size > self.max_file_bytes:
                raise _too_large(self.max_file_bytes)
            yield piece


def refused_id(given: str) -> str:
    """Why a text cannot be a document's id; empty where it can."""
    if not 1 <= len(given) <= MAX_ID_CHARS:
        return _LENGTH
    segments = given.split("/")
    if _UNPRINTABLE.search(given) or not given.strip() or {"", ".", ".."} & set(segments):
        return "A document id has no control characters and no empty, `.` or `..` path segments."
    if (len(segments) > 1 and segments[-1] in _PARTS_OF_DOCUMENTS) or _RESTORE.search(given):
        told = " or ".join(f"`/{each}`" for each in (*_PARTS_OF_DOCUMENTS, "versions/1/restore"))
        return f"A document id does not end in {told}; these are parts of it."
    return ""


async def _beginning(pieces: AsyncIterator[bytes], most: int) -> tuple[bytes, bool]:
    """The first HEAD_BYTES or more, and whether that was all."""
    head = bytearray()
    async for piece in pieces:
        head += piece
        if len(head) > most:
            raise _too_large(most)
        if len(head) >= media.HEAD_BYTES:
            return bytes(head), False
    return bytes(head), True


def _spelt(told: Any) -> str:
    """Values as JSON spells them: `true` is not 1 there."""
    return json.dumps(told, sort_keys=True)


def _too_large(most: int) -> errors.TooLarge:
    return errors.TooLarge(f"A file has at most {most} bytes. Split it, or send a smaller one.", field="file")
