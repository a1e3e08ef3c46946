"""What one child may answer in all. A child keeps to narrower bounds of its own; it is not believed that it does."""

from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser import failures

MAX_ANSWERS = 8_000_000
MAX_ANSWER_BYTES = 4 * 2**30
MAX_ATTACHMENTS = 1000
MAX_ATTACHMENT_BYTES = 512 * 2**20


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
