"""A document's metadata as the typed attributes that searches filter by."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from lorekeep.search.v1 import search_pb2

_TYPES = {
    "string": search_pb2.FIELD_TYPE_STRING,
    "integer": search_pb2.FIELD_TYPE_INTEGER,
    "number": search_pb2.FIELD_TYPE_NUMBER,
    "boolean": search_pb2.FIELD_TYPE_BOOLEAN,
    "datetime": search_pb2.FIELD_TYPE_DATETIME,
}
_MOST_INTEGER = 2**63


def fields(schema: Mapping[str, str]) -> list[search_pb2.Field]:
    """The fields that a collection declares, `{"year": "integer", "tags": "string[]"}`; a list is its elements."""
    return [search_pb2.Field(name=name, type=_TYPES[_element(kind)]) for name, kind in sorted(schema.items())]


def attributes(schema: Mapping[str, str], metadata: Mapping[str, Any]) -> tuple[list[search_pb2.Attribute], list[str]]:
    """The declared part of `metadata`, and a warning for each field whose value does not fit its type.

    A field may have been declared after the document came, so a misfit is left out of filters and no failure.
    """
    found, warnings = [], []
    for field in fields({name: kind for name, kind in schema.items() if metadata.get(name) is not None}):
        given = metadata[field.name] if isinstance(metadata[field.name], list) else [metadata[field.name]]
        values = [value for value in map(_READERS[_element(schema[field.name])], given) if value is not None]
        if len(values) < len(given):
            warnings.append(f"metadata_mismatch: {field.name} holds a value that is no {schema[field.name]}")
        if values:
            found.append(search_pb2.Attribute(field=field, values=values))
    return found, warnings


def metadata_json(metadata: Mapping[str, Any]) -> str:
    """Metadata as it is shown with a hit; empty for none."""
    return json.dumps(metadata, ensure_ascii=False, separators=(",", ":")) if metadata else ""


def _element(kind: str) -> str:
    return kind.removesuffix("[]")


def _string(value: Any) -> search_pb2.Value | None:
    return search_pb2.Value(string_value=value) if isinstance(value, str) else None


def _integer(value: Any) -> search_pb2.Value | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and -_MOST_INTEGER <= value < _MOST_INTEGER
    return search_pb2.Value(integer_value=value) if fits else None


def _number(value: Any) -> search_pb2.Value | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return search_pb2.Value(number_value=float(value)) if fits else None


def _boolean(value: Any) -> search_pb2.Value | None:
    return search_pb2.Value(boolean_value=value) if isinstance(value, bool) else None


def _datetime(value: Any) -> search_pb2.Value | None:
    """A time without a zone is taken as UTC, a date as its first moment."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return search_pb2.Value(string_value=(at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat())


_READERS: dict[str, Callable[[Any], search_pb2.Value | None]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "datetime": _datetime,
}
