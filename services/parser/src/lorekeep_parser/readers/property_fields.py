"""What a document says of itself, cleaned and bounded."""

import re
from collections.abc import Iterable
from datetime import date, datetime

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.assembler import cleaned

_MAX_LINE, _MAX_NAME = 1024, 256
_MAX_AUTHORS, _MAX_KEYWORDS = 32, 64
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})? ?(Z|[+-]\d{2}:?\d{2})?")


def tell(
    properties: document_pb2.Properties,
    *,
    title: str = "",
    authors: Iterable[str] = (),
    created: str = "",
    modified: str = "",
    subject: str = "",
    keywords: Iterable[str] = (),
) -> None:
    """Writes the fields that hold something."""
    properties.title = line(title, _MAX_LINE)
    properties.subject = line(subject, _MAX_LINE)
    properties.authors[:] = _each(authors, _MAX_AUTHORS)
    properties.keywords[:] = _each(keywords, _MAX_KEYWORDS)
    properties.created_at, properties.modified_at = moment(created), moment(modified)


def line(text: str, most: int) -> str:
    """A text on one line of at most `most` characters."""
    return " ".join(cleaned(text[: 4 * most]).split())[:most].rstrip()


def moment(told: str) -> str:
    """RFC 3339 of an ISO date, with or without its time; empty for what is none."""
    told = told.strip()[:64]
    try:
        if _DAY.fullmatch(told):
            return date.fromisoformat(told).isoformat()
        if match := _MOMENT.fullmatch(told):
            return _with_time(*match.groups(default=""))
    except ValueError:
        return ""
    return ""


def _with_time(day: str, time: str, zone: str) -> str:
    """A time without a zone is the date alone: nobody knows the moment."""
    if not zone:
        return date.fromisoformat(day).isoformat()
    made = datetime.fromisoformat(f"{day}T{time}{zone.replace('Z', '+00:00')}")
    return made.isoformat(timespec="seconds").replace("+00:00", "Z")


def _each(values: Iterable[str], most: int) -> list[str]:
    found = [name for value in values if (name := line(value, _MAX_NAME))]
    return list(dict.fromkeys(found))[:most]
