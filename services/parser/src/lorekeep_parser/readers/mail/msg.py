"""Outlook's mails: properties of an OLE container. A mail inside of one is given as it would go over the wire."""

import struct
from datetime import UTC, datetime, timedelta
from email import encoders
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

from lorekeep_parser.formats import decoding
from lorekeep_parser.readers.mail import compressed_rtf, eml
from lorekeep_parser.readers.mail.mail_parts import Body, Inside, Mail
from lorekeep_parser.readers.markup.rtf_flow import RtfFlow

_SUBJECT, _BODY, _HTML, _RTF, _HEADERS = 0x0037, 0x1000, 0x1013, 0x1009, 0x007D
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP, _SENT = 0x0C1A, 0x0C1F, 0x5D01, 0x0039
_NAME, _ADDRESS, _SMTP, _KIND = 0x3001, 0x3003, 0x39FE, 0x0C15
_LONG_NAME, _SHORT_NAME, _TYPE, _CONTENT_ID, _HIDDEN = 0x3707, 0x3704, 0x370E, 0x3712, 0x7FFE
_CODEPAGES = (0x3FDE, 0x3FFD)
_EMBEDDED = "__substg1.0_3701000D"
_DATA = "__substg1.0_37010102"
_PROPERTIES = "__properties_version1.0"
_TOP_OFFSET, _EMBEDDED_OFFSET, _SMALL_OFFSET = 32, 24, 8
_MOST_DEPTH = 8
_DECORATION_BYTES = 8 * 1024
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def taken_apart(path: Path) -> Mail:
    """The parts of a mail."""
    from olefile import OleFileIO  # type: ignore[import-untyped]
    from oxmsg.storage import Storage

    with OleFileIO(str(path)) as container:
        return _mail(Storage.from_ole(container), _TOP_OFFSET, 0)


class _Properties:
    """The properties of one storage: texts by their streams, small ones by the table at `offset`."""

    def __init__(self, storage: Any, offset: int) -> None:
        self._streams: dict[str, bytes] = {each.name: each.bytes_ for each in storage.streams}
        self._table = self._streams.get(_PROPERTIES, b"")[offset:]
        page = next((found for each in _CODEPAGES if (found := self.number(each))), 0)
        self._encoding = "utf-8" if page == 65001 else f"cp{page}" if page else ""

    def text(self, key: int) -> str:
        """A text, in Unicode or in the mail's code page."""
        if (wide := self._streams.get(f"__substg1.0_{key:04X}001F")) is not None:
            return wide.decode("utf-16-le", errors="replace").rstrip("\x00")
        for kind in ("001E", "0102"):
            if (raw := self._streams.get(f"__substg1.0_{key:04X}{kind}")) is not None:
                return self._decoded(raw.rstrip(b"\x00"))
        return ""

    def raw(self, key: int) -> bytes:
        """Bytes, nothing where there are none."""
        return self._streams.get(f"__substg1.0_{key:04X}0102", b"")

    def number(self, key: int) -> int | None:
        """A number, None where there is none."""
        entry = self._entry(key)
        return None if entry is None else int(struct.unpack_from("<i", entry, 8)[0])

    def time(self, key: int) -> datetime | None:
        """A point in time, None where there is none."""
        entry = self._entry(key)
        if entry is None:
            return None
        try:
            return _EPOCH + timedelta(microseconds=struct.unpack_from("<Q", entry, 8)[0] // 10)
        except OverflowError:
            return None

    def _entry(self, key: int) -> bytes | None:
        for place in range(0, len(self._table) - 15, 16):
            if struct.unpack_from("<H", self._table, place + 2)[0] == key:
                return self._table[place : place + 16]
        return None

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode(self._encoding or "utf-8")
        except (UnicodeError, LookupError):
            return decoding.decoded(raw)[0] if raw else ""


def _mail(storage: Any, offset: int, depth: int) -> Mail:
    told = _Properties(storage, offset)
    sent = told.time(_SENT)
    mail = Mail(subject=eml.words(told.text(_SUBJECT)), sender=_sender(told))
    mail.date = sent.replace(microsecond=0).isoformat() if sent else ""
    receivers = [_receiver(each) for each in storage.storages if each.name.startswith("__recip_version1.0_#")]
    mail.fields = [
        ("Subject", mail.subject),
        ("From", mail.sender),
        ("To", ", ".join(name for kind, name in receivers if kind != 2)),
        ("Cc", ", ".join(name for kind, name in receivers if kind == 2)),
        ("Date", mail.date),
    ]
    mail.bodies = [_body(told)]
    attached = [each for each in storage.storages if each.name.startswith("__attach_version1.0_#")]
    for number, each in enumerate(attached, 1):
        _attach(mail, each, number, depth)
    return mail


def _body(told: _Properties) -> Body:
    """The text as HTML and plain; what is kept as RTF says the same, and is read where there is nothing else."""
    body = Body(told.text(_BODY), told.text(_HTML))
    if body.plain.strip() or body.html.strip():
        return body
    flow = RtfFlow(compressed_rtf.unpacked(told.raw(_RTF)).decode("latin-1"))
    return Body("\n\n".join(each.text for each in flow.elements()))


def _sender(told: _Properties) -> str:
    name, address = told.text(_SENDER), told.text(_SENDER_SMTP) or told.text(_SENDER_ADDRESS)
    headers = eml.taken_apart(told.text(_HEADERS).encode("utf-8", errors="replace")) if told.text(_HEADERS) else Mail()
    if headers.sender:
        return headers.sender
    return f"{eml.words(name)} <{address}>" if name and address and name != address else name or address


def _receiver(storage: Any) -> tuple[int, str]:
    told = _Properties(storage, _SMALL_OFFSET)
    name, address = told.text(_NAME), told.text(_SMTP) or told.text(_ADDRESS)
    shown = f"{name} <{address}>" if name and address and name != address else name or address
    return told.number(_KIND) or 1, shown


def _attach(mail: Mail, storage: Any, number: int, depth: int) -> None:
    told = _Properties(storage, _SMALL_OFFSET)
    name = told.text(_LONG_NAME) or told.text(_SHORT_NAME) or told.text(_NAME)
    embedded = next((each for each in storage.storages if each.name == _EMBEDDED), None)
    if embedded is not None and any(each.name == _PROPERTIES for each in embedded.streams):
        if depth >= _MOST_DEPTH:
            mail.warnings.append("parts_left_out: the mail has more mails inside of each other than are read")
            return
        found = _mail(embedded, _EMBEDDED_OFFSET, depth + 1)
        title = (found.subject or name or "forwarded message").replace("/", " ")[:200]
        mail.inside.append(Inside(f"{title}.eml", "message/rfc822", _wired(found, depth).as_bytes()))
        return
    content = next((each.bytes_ for each in storage.streams if each.name == _DATA), b"")
    kind = told.text(_TYPE)
    if kind.startswith("image/") and told.text(_CONTENT_ID) and len(content) < _DECORATION_BYTES:
        return
    mail.inside.append(Inside(name or f"attachment-{number}", kind, content))


def _wired(mail: Mail, depth: int) -> MIMEMultipart:
    """A mail as it would go over the wire, the same for the same mail."""
    made = MIMEMultipart("mixed", boundary=f"=_part_{depth}")
    for name, value in mail.fields:
        if value.strip():
            made[name] = Header(" ".join(value.split()), "utf-8").encode()
    texts = MIMEMultipart("alternative", boundary=f"=_text_{depth}")
    for body in mail.bodies:
        for kind, text in (("plain", body.plain), ("html", body.html)):
            if text:
                texts.attach(MIMEText(text.encode("utf-8", errors="replace").decode(), kind, "utf-8"))
    made.attach(texts)
    for each in mail.inside:
        made.attach(_wired_part(each))
    return made


def _wired_part(inside: Inside) -> MIMEBase:
    part = MIMEBase("application", "octet-stream")
    part.set_payload(inside.content)
    encoders.encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", inside.name))
    return part
