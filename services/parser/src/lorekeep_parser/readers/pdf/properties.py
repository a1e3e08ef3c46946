"""What a PDF says of itself: its information dictionary."""

import re
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers import dates

_MAX_CHARACTERS = 1024
_MAX_WORD_CHARACTERS = 256
_MAX_AUTHORS = 32
_MAX_KEYWORDS = 64
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]+")
_BETWEEN_AUTHORS = re.compile(r"\s*;\s*|\s+(?:and|&)\s+")
_BETWEEN_KEYWORDS = re.compile(r"\s*[;,]\s*")


def of_document(document: Any) -> document_pb2.Properties:
    """Title, authors, dates, subject and keywords of a pypdfium2 document, bounded."""

    def told(name: str) -> str:
        return _text(document.get_metadata_value(name))

    return document_pb2.Properties(
        title=told("Title")[:_MAX_CHARACTERS],
        authors=authors(told("Author")),
        created_at=dates.from_pdf(told("CreationDate")),
        modified_at=dates.from_pdf(told("ModDate")),
        subject=told("Subject")[:_MAX_CHARACTERS],
        keywords=_parts(told("Keywords"), _BETWEEN_KEYWORDS, _MAX_KEYWORDS),
    )


def authors(text: str) -> list[str]:
    """Names parted by semicolons, `and` or `&`. A comma parts them only where each is more than one word."""
    if ";" not in text and "," in text:
        names = [each.strip() for each in re.split(r",\s*(?:and\s+)?", text) if each.strip()]
        if all(" " in each for each in names):
            text = "; ".join(names)
    return _parts(text, _BETWEEN_AUTHORS, _MAX_AUTHORS)


def _parts(text: str, between: re.Pattern[str], most: int) -> list[str]:
    parts = [each[:_MAX_WORD_CHARACTERS].strip() for each in between.split(text)]
    return [each for each in parts if each][:most]


def _text(value: str) -> str:
    return " ".join(_UNWANTED.sub(" ", value[: 64 * _MAX_CHARACTERS]).split())
