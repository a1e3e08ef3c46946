"""Documents inside of the one that is read, on their way to the caller: bounded in number and size, or named."""

from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.assembler import cleaned
from lorekeep_parser.page import Attachment, Page
from lorekeep_parser.peer import Peer

MAX_ATTACHMENTS = 1000
MAX_ATTACHMENT_BYTES = 50 * 2**20
MAX_BYTES_IN_ALL = 512 * 2**20
_MAX_NAME_CHARACTERS = 1024
_MAX_SHOWN_CHARACTERS = 100
_PIECE_BYTES = 2**20


class Attachments:
    """Sends the attachments of pages. `count` is how many were sent, `total_bytes` how much they held."""

    def __init__(self, peer: Peer, wanted: bool) -> None:
        self._peer = peer
        self._wanted = wanted
        self.count = 0
        self.total_bytes = 0

    def send(self, page: Page) -> None:
        """Sends those of a page, or warns of them."""
        for each in page.attachments:
            reason = self._refused(each)
            if reason:
                name = " ".join(cleaned(each.name).split())[:_MAX_SHOWN_CHARACTERS]
                page.warnings.append(f"attachments_left_out: {name or 'one without a name'} {reason}")
                page.truncations += self._wanted
            else:
                self._send(each)

    def _refused(self, attachment: Attachment) -> str:
        """Why it is left out; empty where it is not."""
        if not self._wanted:
            return "was not asked for"
        if attachment.size_bytes < 1:
            return "is empty"
        if attachment.size_bytes > MAX_ATTACHMENT_BYTES:
            return f"is larger than {MAX_ATTACHMENT_BYTES // 2**20} MB"
        if self.count >= MAX_ATTACHMENTS or self.total_bytes + attachment.size_bytes > MAX_BYTES_IN_ALL:
            return f"is beyond {MAX_ATTACHMENTS} documents or {MAX_BYTES_IN_ALL // 2**20} MB in all"
        return ""

    def _send(self, attachment: Attachment) -> None:
        begin = parser_pb2.Attachment(
            ordinal=self.count,
            name=cleaned(attachment.name)[:_MAX_NAME_CHARACTERS],
            declared_media_type=attachment.declared_media_type[:_MAX_NAME_CHARACTERS],
            size_bytes=attachment.size_bytes,
        )
        self._peer.respond(parser_pb2.ParseResponse(attachment=begin).SerializeToString())
        left = attachment.size_bytes
        with attachment.opened() as file:
            while left and (piece := file.read(min(left, _PIECE_BYTES))):
                left -= len(piece)
                self._peer.respond(parser_pb2.ParseResponse(attachment_data=piece).SerializeToString())
        if left:
            raise ValueError("an attachment is shorter than it said")
        self.count += 1
        self.total_bytes += attachment.size_bytes

    def state(self) -> list[int]:
        """What was sent so far, as JSON."""
        return [self.count, self.total_bytes]

    def restore(self, state: list[int]) -> None:
        """Goes on behind `state`; TypeError or ValueError where it is none."""
        self.count, self.total_bytes = map(int, state)
