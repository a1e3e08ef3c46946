"""Mails as they go over the wire (RFC 5322 and MIME): every text part, every attachment, whatever their nesting.

By the old policy of the standard library: the new one fails over headers that break the rules, and takes quadratic time
over long ones.
"""

import codecs
import email
import mimetypes
import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parsedate_to_datetime

from lorekeep_parser.formats import decoding
from lorekeep_parser.readers.mail import flowed, tnef
from lorekeep_parser.readers.mail.mail_parts import Body, Inside, Mail

_FIELDS = ("Subject", "From", "To", "Cc", "Date")
_MOST_DEPTH = 50
_MOST_PARTS = 10_000
_MOST_HEADER_CHARACTERS = 256 * 1024
# Taking parameters apart costs time by the square of their length, for each part and each question that is asked of it.
_MOST_PARAMETER_CHARACTERS = 4096
_DECORATION_BYTES = 8 * 1024
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))  # fmt: skip
# What a saved page looks like rather than what it says.
_STYLES = ("text/css", "text/javascript", "application/javascript", "application/x-javascript")
_CHARSET = re.compile(r"[\w.:-]{1,40}")


class _Bounded(Compat32):
    """Headers no longer than anybody means."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        most = _MOST_PARAMETER_CHARACTERS if name.lower().startswith("content-") else _MOST_HEADER_CHARACTERS
        return name, value[:most]


def taken_apart(data: bytes) -> Mail:
    """The parts of a mail."""
    message = email.message_from_bytes(_plain_bytes(data), policy=_Bounded())
    mail = Mail(subject=_header(message, "Subject"), sender=_header(message, "From"))
    mail.date = _date(_header(message, "Date"))
    mail.fields = [(name, _header(message, name)) for name in _FIELDS]
    _Walk(mail).part(message, 0)
    return mail


class _Walk:
    """Goes through the parts in their order."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._parts = 0

    def part(self, part: Message, depth: int, alternative: bool = False) -> None:
        """Takes one part with all that is inside of it."""
        self._parts += 1
        if depth > _MOST_DEPTH or self._parts > _MOST_PARTS:
            self._warn("parts_left_out: the mail has more parts, or more of them inside of each other, than are read")
            return
        kind = part.get_content_type()
        if kind in _SEALED and _sealed(part):
            self._warn("body_encrypted: the text is encrypted; only its headers were read")
        if kind == "message/delivery-status":
            self._mail.bodies.append(Body("\n\n".join(map(str, _parts(part)))))
        elif part.get_content_maintype() == "message" and part.is_multipart():
            self._forwarded(part)
        elif part.get_content_maintype() == "multipart" and not part.is_multipart():
            # Says that it has parts, and has none.
            self._mail.bodies.append(_body(part))
        elif kind == "multipart/alternative":
            self._alternative(part, depth)
        elif part.is_multipart():
            for each in _parts(part):
                self.part(each, depth + 1)
        elif part.get_content_maintype() == "text" and not _style(part) and not _attached(part, alternative):
            self._mail.bodies.append(_body(part))
        elif kind not in _SIGNATURES and not _decoration(part) and not _style(part):
            self._attach(part)

    def _alternative(self, part: Message, depth: int) -> None:
        """One of several forms of the same: HTML and plain text side by side; the last of the others else."""
        forms = _parts(part)
        plains = [each for each in forms if each.get_content_type() == "text/plain" and _body(each).plain.strip()]
        rich = [
            each for each in forms if each.get_content_type() in ("text/html", "multipart/related", "multipart/mixed")
        ]
        before = len(self._mail.bodies)
        for each in rich[-1:]:
            self.part(each, depth + 1, alternative=True)
        made = self._mail.bodies[before:]
        beside = next((number for number, each in enumerate(made, before) if each.html), None)
        if plains and beside is not None:
            self._mail.bodies[beside] = Body(_body(plains[-1]).plain, self._mail.bodies[beside].html)
        elif plains and not made:
            self.part(plains[-1], depth + 1, alternative=True)
        elif not made:
            for each in forms[-1:]:
                self.part(each, depth + 1)

    def _forwarded(self, part: Message) -> None:
        for each in _parts(part):
            name = _header(each, "Subject") or "forwarded message"
            content = each.as_bytes(unixfrom=False)
            self._mail.inside.append(Inside(f"{name.replace('/', ' ')[:200]}.eml", "message/rfc822", content))

    def _attach(self, part: Message) -> None:
        kind, content = part.get_content_type(), _content(part)
        name = _file_name(part)
        if kind in _TNEF or name.lower() == "winmail.dat":
            found = tnef.taken_apart(content)
            if found is not None:
                self._mail.bodies += [each for each in found.bodies if not self._mail.bodies]
                self._mail.inside += found.inside
                return
        number = len(self._mail.inside) + 1
        self._mail.inside.append(Inside(name or f"attachment-{number}{_ending(kind)}", kind, content))

    def _warn(self, warning: str) -> None:
        if warning not in self._mail.warnings:
            self._mail.warnings.append(warning)


def _plain_bytes(data: bytes) -> bytes:
    """Headers in ASCII, whatever the file was saved in."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace").encode("utf-8", errors="replace").lstrip()
    return data.lstrip()


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _sealed(part: Message) -> bool:
    return part.is_multipart() or "signed-data" not in str(part.get_param("smime-type", ""))


def _attached(part: Message, alternative: bool) -> bool:
    """Whether a text is a file for itself rather than what the mail says."""
    disposition = part.get_content_disposition()
    return disposition == "attachment" or (not alternative and bool(_file_name(part)))


def _style(part: Message) -> bool:
    return part.get_content_type() in _STYLES and not _file_name(part)


def _decoration(part: Message) -> bool:
    """Small pictures that the text shows: logos, rules, counting pixels."""
    shown = part.get_content_disposition() == "inline" or "Content-ID" in part or "Content-Location" in part
    return part.get_content_maintype() == "image" and shown and len(_content(part)) < _DECORATION_BYTES


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _body(part: Message) -> Body:
    text = _text(_content(part), str(part.get_content_charset("")))
    if part.get_content_subtype() == "html":
        return Body(html=text)
    if str(part.get_param("format", "")).lower() == "flowed":
        text = flowed.joined(text, delete_spaces=str(part.get_param("delsp", "")).lower() == "yes")
    return Body(text)


def _text(data: bytes, charset: str) -> str:
    """By the charset that is declared, where the bytes fit it, else by what they look like."""
    if _CHARSET.fullmatch(charset) and charset.lower() not in ("us-ascii", "ascii", "unknown-8bit"):
        try:
            codec = codecs.lookup(charset)
            if codec._is_text_encoding:
                return data.decode(codec.name).replace("\r\n", "\n")
        except (LookupError, UnicodeError):
            pass  # declared wrongly: the bytes tell
    return decoding.decoded(data)[0].replace("\r\n", "\n")


def _header(message: Message, name: str) -> str:
    """All headers of a name, with their encoded words and raw bytes as text."""
    values = [value for key, value in message.raw_items() if key.lower() == name.lower()]
    return ", ".join(words(str(each)[:_MOST_HEADER_CHARACTERS]) for each in values)


def words(value: str) -> str:
    """A header with its encoded words and raw bytes as text."""
    if not value.isascii():
        value = decoding.decoded(value.encode("utf-8", errors="surrogateescape"))[0]
    try:
        parts = decode_header(" ".join(value.split()))
    except (HeaderParseError, ValueError):
        return value
    return "".join(each if isinstance(each, str) else _text(each, charset or "") for each, charset in parts)


def _file_name(part: Message) -> str:
    try:
        return " ".join(words(part.get_filename("")).split())
    except (LookupError, ValueError, TypeError):
        return ""


def _ending(kind: str) -> str:
    return mimetypes.guess_extension(kind) or ""


def _date(value: str) -> str:
    try:
        return parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
