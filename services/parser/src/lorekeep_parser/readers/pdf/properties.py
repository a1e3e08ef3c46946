"""What a PDF says of itself: its information dictionary."""

import re
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers import dates

_MAX_CHARACTERS = 16_384
_BETWEEN_AUTHORS = re.compile(r"\s*;\s*|\s+(?:and|&)\s+")
_BETWEEN_KEYWORDS = re.compile(r"\s*[;,]\s*")


def of_document(document: Any) -> document_pb2.Properties:
    """Title, authors, dates, subject and keywords of a pypdfium2 document."""

    def told(name: str) -> str:
        value: str = document.get_metadata_value(name)
        return value[:_MAX_CHARACTERS].encode(errors="ignore").decode().strip()

    return document_pb2.Properties(
        title=told("Title"),
        authors=authors(told("Author")),
        created_at=dates.from_pdf(told("CreationDate")),
        modified_at=dates.from_pdf(told("ModDate")),
        subject=told("Subject"),
        keywords=_BETWEEN_KEYWORDS.split(told("Keywords")),
    )


def authors(text: str) -> list[str]:
    """Names parted by semicolons, `and` or `&`. A comma parts them only where each is more than one word."""
    if ";" not in text and "," in text:
        names = [each.strip() for each in re.split(r",\s*(?:and\s+)?", text) if each.strip()]
        if all(" " in each for each in names):
            text = "; ".join(names)
    return _BETWEEN_AUTHORS.split(text)
