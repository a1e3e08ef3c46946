"""EML and MSG: headers as front matter, the body by unstructured. Attachments are documents of their own: left out."""

import email
import email.policy
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import elements, unstructured_elements
from lorekeep_parser.readers.unstructured_elements import OPTIONS


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "MailReader":
    """Reads a mail."""
    return MailReader(path, kind)


class MailReader:
    """One page: front matter, then the body."""

    pages_total = 1

    def __init__(self, path: Path, kind: Media) -> None:
        self.properties = document_pb2.Properties()
        self.media_type = kind.value
        self.route = "unstructured.eml" if kind is Media.EML else "unstructured.msg"
        self._path = path

    def pages(self, first: int) -> Iterator[Page]:
        """The whole mail."""
        if first > 0:
            return
        with unstructured_elements.reading("mail"):
            fields, body, attachments = self._eml() if self.media_type == Media.EML.value else self._msg()
            made = [elements.front_matter(fields), *unstructured_elements.converted(body, 0)]
        warnings = [f"attachments_left_out: {attachments}"] if attachments else []
        yield Page(made, warnings=warnings)

    def _eml(self) -> tuple[list[tuple[str, str]], list[Any], int]:
        from unstructured.partition.email import partition_email

        message = email.message_from_bytes(self._path.read_bytes(), policy=email.policy.default)
        fields = [(name, str(message.get(name, ""))) for name in ("Subject", "From", "To", "Cc", "Date")]
        body = partition_email(filename=str(self._path), process_attachments=False, **OPTIONS)
        return fields, body, sum(1 for _ in message.iter_attachments()) if message.is_multipart() else 0

    def _msg(self) -> tuple[list[tuple[str, str]], list[Any], int]:
        from oxmsg import Message
        from unstructured.partition.msg import partition_msg

        message = Message.load(str(self._path))
        recipients = ", ".join(each.email_address or each.name for each in message.recipients)
        sent = message.sent_date.isoformat() if message.sent_date else ""
        fields = [
            ("Subject", _plain(message.subject)),
            ("From", _plain(message.sender)),
            ("To", _plain(recipients)),
            ("Date", sent),
        ]
        body = partition_msg(filename=str(self._path), process_attachments=False, **OPTIONS)
        return fields, body, len(message.attachments)


def _plain(value: str | None) -> str:
    """A header's encoded words as text: MSG keeps some as they came."""
    try:
        return str(make_header(decode_header(value or "")))
    except (ValueError, LookupError):
        return value or ""
