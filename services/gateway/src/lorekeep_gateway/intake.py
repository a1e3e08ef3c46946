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
_RESTORE = re.compile(r"./versions/[0-9]+/restore$")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Submission:
    """A document that may be accepted: its bytes are staged. `document_id` is the caller's own or empty."""

    staged: Staged
    media_type: str
    name: str
    metadata: Mapping[str, Any]
    document_id: str

    @property
    def blob(self) -> Blob:
        """The bytes that were sent."""
        return self.staged.blob

    @property
    def request_hash(self) -> str:
        """SHA-256 over bytes and description: equal for a repeat of the same request."""
        told = [self.blob.sha256, self.name, self.document_id, self.metadata]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass
class Intake:
    """Takes in what one request brings for one collection. `staged` is all that it staged, refused or not."""

    blobs: Blobs
    organisation_id: str
    schema: Mapping[str, str]
    max_file_bytes: int
    max_text_chars: int
    staged: list[Staged] = field(default_factory=list)

    async def file(self, pieces: AsyncIterator[bytes], name: str) -> tuple[Staged, str]:
        """Stages a file; gives it and its media type. Refuses what is empty, too large or unread."""
        beginning, ended = await _beginning(pieces, self.max_file_bytes)
        kind = media.media_type(beginning, name)
        return await self._stage(self._bounded(beginning, None if ended else pieces)), kind

    async def text(self, given: Any) -> tuple[Staged, str]:
        """Stages an inline text. UnprocessableInput where it is blank, too long or not to be kept as UTF-8."""
        if not isinstance(given, str) or not given.strip():
            raise errors.UnprocessableInput("The text is blank. Send some text.", reason="blank_text", field="text")
        if len(given) > self.max_text_chars:
            message = f"The text has {len(given)} characters; at most {self.max_text_chars} are taken inline."
            raise errors.UnprocessableInput(f"{message} Upload it as a file.", reason="text_too_long", field="text")
        if metadata.UNSTORABLE.search(given):
            raise errors.UnprocessableInput("The text holds NUL or half a surrogate pair.", field="text")

        async def encoded() -> AsyncIterator[bytes]:
            yield given.encode()

        return await self._stage(encoded()), "text/plain"

    def described(
        self, kept: tuple[Staged, str], name: str, given: Mapping[str, Any] | None, document_id: str | None
    ) -> Submission:
        """Staged bytes with their checked description."""
        staged, kind = kept
        return Submission(
            staged, kind, self.name(name), metadata.checked(given or {}, self.schema), self.document_id(document_id)
        )

    def name(self, given: str) -> str:
        """A document's name, as shown: without folders' separators' tricks, controls or undue length."""
        return _UNPRINTABLE.sub("", given).strip()[:MAX_NAME_CHARS] or "untitled"

    def document_id(self, given: Any) -> str:
        """A caller's own id, or empty where none was given."""
        if given is None:
            return ""
        if not isinstance(given, str) or not 1 <= len(given) <= MAX_ID_CHARS:
            raise _bad_id(f"A document id has 1 to {MAX_ID_CHARS} characters.")
        segments = given.split("/")
        if _UNPRINTABLE.search(given) or not given.strip() or {"", ".", ".."} & set(segments):
            raise _bad_id("A document id has no control characters and no empty, `.` or `..` path segments.")
        if len(segments) > 1 and segments[-1] in ("chunks", "content"):
            raise _bad_id("A document id does not end in `/chunks` or `/content`; these are parts of it.")
        if segments[1:][-1:] == ["versions"] or _RESTORE.search(given):
            raise _bad_id("A document id does not end in `/versions` or `/versions/1/restore`; these are parts of it.")
        return given

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


def _too_large(most: int) -> errors.TooLarge:
    return errors.TooLarge(f"A file has at most {most} bytes. Split it, or send a smaller one.", field="file")


def _bad_id(message: str) -> errors.UnprocessableInput:
    return errors.UnprocessableInput(message, field="document_id")
