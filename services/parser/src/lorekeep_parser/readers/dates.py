"""Dates as documents write them, made RFC 3339: of PDF, of office formats, of mail."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_PDF = re.compile(
    r"(?:D:)?(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?\s*(?:(Z)|([+-])(\d{2})'?(\d{2})?'?)?(?:\d{2}'?\d{2}'?)?"
)
_MAX_CHARACTERS = 64


def from_pdf(text: str) -> str:
    """`D:20240517093000+02'00'` as `2024-05-17T09:30:00+02:00`, a day alone as `2024-05-17`; empty where it is none."""
    match = _PDF.fullmatch(text.strip()[:_MAX_CHARACTERS])
    if match is None:
        return from_iso(text)
    year, month, day, hour, minute, second = (int(each or 0) for each in match.groups()[:6])
    try:
        if match.group(4) is None:
            return date(year, month or 1, day or 1).isoformat()
        return rfc3339(datetime(year, month or 1, day or 1, hour, minute, second, tzinfo=_zone(match)))
    except ValueError:
        return ""


def from_iso(text: str) -> str:
    """ISO 8601 as RFC 3339; a time without a zone counts as UTC. Empty where it is none."""
    text = text.strip()[:_MAX_CHARACTERS]
    try:
        if len(text) == len("2024-05-17"):
            return date.fromisoformat(text).isoformat()
        return rfc3339(datetime.fromisoformat(text))
    except ValueError:
        return ""


def from_mail(text: str) -> str:
    """A mail's `Date` field as RFC 3339; empty where it is none."""
    try:
        return rfc3339(parsedate_to_datetime(text.strip()[:_MAX_CHARACTERS]))
    except (ValueError, TypeError, IndexError):
        return ""


def rfc3339(moment: datetime) -> str:
    """A moment to the second; one without a zone counts as UTC."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _zone(match: re.Match[str]) -> timezone:
    if match.group(8) is None:
        return UTC
    shift = timedelta(hours=int(match.group(9)), minutes=int(match.group(10) or 0))
    return timezone(shift if match.group(8) == "+" else -shift)
