"""Documents inside of others: unpacked one at a time into the scratch folder, counted while they are, and judged.

What a container says of sizes is not believed. What is of no kind that is read is left out; what is damaged or
encrypted becomes a document and says so itself.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from lorekeep_chassis.errors import LorekeepError, UnsupportedMedia
from lorekeep_parser.attachments import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, MAX_BYTES_IN_ALL
from lorekeep_parser.formats import recognition
from lorekeep_parser.page import Attachment, Page

_UNPACKED = "unpacked"
_MOST_NAMES = 20
_MOST_NAME_CHARACTERS = 100
# A container may unpack to so many times its own size, and to this much in any case.
_MOST_RATIO = 200
_ALWAYS_BYTES = 64 * 2**20
_SENTENCES = {
    "attachments_left_out": "of no kind that is read",
    "attachments_empty": "without content",
    "attachments_too_large": f"larger than {MAX_ATTACHMENT_BYTES // 2**20} MB",
    "attachments_beyond": f"beyond {MAX_ATTACHMENTS} documents, {MAX_BYTES_IN_ALL // 2**20} MB in all, or "
    f"{_MOST_RATIO} times the size of what they are in",
    "member_encrypted": "protected by a password",
    "member_damaged": "damaged, or packed in a way that is not read",
    "member_special": "a link or a device",
}
_CUT = ("attachments_too_large", "attachments_beyond", "member_encrypted", "member_damaged")


class Exhausted(Exception):
    """A container unpacks to more than it may."""


class Budget:
    """Bytes that a container of so many may unpack to in all."""

    def __init__(self, size_bytes: int) -> None:
        self._left = min(MAX_BYTES_IN_ALL, max(_ALWAYS_BYTES, _MOST_RATIO * size_bytes))

    def take(self, count: int) -> None:
        """Exhausted where that is more than is left."""
        self._left -= count
        if self._left < 0:
            raise Exhausted


class Unpacking:
    """Makes attachments of the members of one document, which lies at `path`.

    Each is there until the next is made. `tell` warns of what was left out.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.parent / f"{path.name}.{_UNPACKED}"
        self._budget = Budget(path.stat().st_size)
        self._left_out: dict[str, list[str]] = {}
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether no further ones may be made."""
        return self._count >= MAX_ATTACHMENTS

    def leave_out(self, name: str, why: str) -> None:
        """Notes that a member becomes no document; `why` is a word of the warnings."""
        self._left_out.setdefault(why, []).append(name)

    def attachment(self, name: str, declared: str, pieces: Iterable[bytes]) -> Attachment | None:
        """The member, unpacked; None where it is left out. What `pieces` raises goes through."""
        if self.full:
            self.leave_out(name, "attachments_beyond")
            return None
        try:
            size_bytes = self._written(pieces)
            why = self._objection(name, declared, size_bytes)
        except Exhausted:
            why = "attachments_beyond"
        if why:
            self.leave_out(name, why)
            return None
        self._count += 1
        return Attachment(name, declared, size_bytes, lambda: self._file.open("rb"))

    def tell(self, page: Page) -> None:
        """Warns of all that was left out; to be called once the last attachment was taken."""
        for why, names in self._left_out.items():
            shown = ", ".join(" ".join(each.split())[:_MOST_NAME_CHARACTERS] for each in names[:_MOST_NAMES])
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            page.warnings.append(f"{why}: {_SENTENCES[why]}: {shown}{more}")
            page.truncations += len(names) if why in _CUT else 0
        self._file.unlink(missing_ok=True)

    def _written(self, pieces: Iterable[bytes]) -> int:
        """Unpacks no more than one byte too many."""
        size_bytes = 0
        with self._file.open("wb") as file:
            for piece in pieces:
                self._budget.take(len(piece))
                size_bytes += len(piece)
                if size_bytes > MAX_ATTACHMENT_BYTES:
                    break
                file.write(piece)
        return size_bytes

    def _objection(self, name: str, declared: str, size_bytes: int) -> str:
        if not size_bytes:
            return "attachments_empty"
        if size_bytes > MAX_ATTACHMENT_BYTES:
            return "attachments_too_large"
        try:
            recognition.recognised(self._file, name, declared)
        except UnsupportedMedia:
            return "attachments_left_out"
        except LorekeepError:
            return ""
        return ""


def named(name: str) -> Attachment:
    """One that nobody asked for: only its name is told."""
    return Attachment(name, "", 1, _unasked)


def _unasked() -> BinaryIO:
    raise ValueError("an attachment that was not asked for was opened")
