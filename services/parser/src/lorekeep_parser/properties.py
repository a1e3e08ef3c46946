"""What a document says of itself, cleaned and bounded: it is as little to be believed as the rest of it."""

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.assembler import cleaned

_TITLE_CHARACTERS = 1024
_NAME_CHARACTERS = 256
_DATE_CHARACTERS = 64
_MOST_AUTHORS = 32
_MOST_KEYWORDS = 64


def bounded(told: document_pb2.Properties) -> document_pb2.Properties:
    """The same on single lines and within the bounds of document.proto; blank and repeated names are left out."""
    return document_pb2.Properties(
        title=_line(told.title, _TITLE_CHARACTERS),
        authors=_names(list(told.authors), _MOST_AUTHORS),
        created_at=_line(told.created_at, _DATE_CHARACTERS),
        modified_at=_line(told.modified_at, _DATE_CHARACTERS),
        subject=_line(told.subject, _TITLE_CHARACTERS),
        keywords=_names(list(told.keywords), _MOST_KEYWORDS),
    )


def _names(names: list[str], most: int) -> list[str]:
    lines = [_line(each, _NAME_CHARACTERS) for each in names[: 4 * most]]
    return [each for each in dict.fromkeys(lines) if each][:most]


def _line(text: str, most: int) -> str:
    return " ".join(cleaned(text[: 4 * most]).split())[:most].strip()
