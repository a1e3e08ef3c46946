"""What one child may answer in all. A child keeps to narrower bounds of its own; it is not believed that it does."""

import re

from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser import failures

MAX_ANSWERS = 8_000_000
MAX_ANSWER_BYTES = 4 * 2**30
MAX_ATTACHMENTS = 1000
MAX_ATTACHMENT_BYTES = 512 * 2**20
_MOST_WORDS = 64
_ROUTE = re.compile(r"[a-z][a-z0-9_.+-]{0,31}")
_OTHER = "other"


class Allowance:
    """Counts the answers of one child."""

    def __init__(self) -> None:
        self._answers = self._bytes = 0
        self._attachments = self._attachment_bytes = 0

    def take(self, size_bytes: int, attached: parser_pb2.ParseResponse | None = None) -> None:
        """One answer more; a crash where there are more than any document makes."""
        self._answers += 1
        if attached is not None and attached.HasField("attachment_data"):
            self._attachment_bytes += size_bytes
        else:
            self._bytes += size_bytes
            self._attachments += attached is not None and attached.HasField("attachment")
        if (
            self._answers > MAX_ANSWERS
            or self._bytes > MAX_ANSWER_BYTES
            or self._attachments > MAX_ATTACHMENTS
            or self._attachment_bytes > 2 * MAX_ATTACHMENT_BYTES
        ):
            raise failures.crashed()


class Words:
    """Label values that children name: as many as there are readers, and then no more."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def taken(self, word: str) -> str:
        """The word, or one that stands for all others."""
        if word not in self._known and (len(self._known) >= _MOST_WORDS or not _ROUTE.fullmatch(word)):
            return _OTHER
        self._known.add(word)
        return word
