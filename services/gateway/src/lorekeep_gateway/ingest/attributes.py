"""A document's metadata as the typed attributes that searches filter by."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_gateway.metadata import MAX_FIELDS, TYPES, fields, is_field_name, is_integer, is_number


def attributes(schema: Mapping[str, str], metadata: Mapping[str, Any]) -> tuple[list[search_pb2.Attribute], list[str]]:
    """What of `metadata` can be filtered by, and a warning for each declared field whose value does not fit its type.

    A field that is not declared yet is kept under every type that its value has, so that declaring it later needs no
    new ingest of the documents that came before. A misfit is left out of filters and no failure.
    """
    present = {name: value for name, value in metadata.items() if value is not None}
    found, warnings = [], []
    for field in fields({name: kind for name, kind in schema.items() if name in present}):
        attribute, whole = _attribute(field, schema[field.name], present[field.name])
        found += [attribute] if attribute.values else []
        if not whole:
            warnings.append(f"metadata_mismatch: {field.name} holds a value that is no {schema[field.name]}")
    undeclared = {name: value for name, value in present.items() if name not in schema and is_field_name(name)}
    return found + _every_type(dict(islice(undeclared.items(), MAX_FIELDS))), warnings


def _every_type(metadata: Mapping[str, Any]) -> list[search_pb2.Attribute]:
    found = []
    for kind in TYPES:
        for field in fields(dict.fromkeys(metadata, kind)):
            attribute, whole = _attribute(field, kind, metadata[field.name])
            found += [attribute] if whole and attribute.values else []
    return found


def _attribute(field: search_pb2.Field, kind: str, value: Any) -> tuple[search_pb2.Attribute, bool]:
    """The values that are of the field's type, and whether that is all of them."""
    given = value if isinstance(value, list) else [value]
    values = [read for read in map(_READERS[_element(kind)], given) if read is not None]
    return search_pb2.Attribute(field=field, values=values), len(values) == len(given)


def metadata_json(metadata: Mapping[str, Any]) -> str:
    """Metadata as it is shown with a hit; empty for none."""
    return json.dumps(metadata, ensure_ascii=False, separators=(",", ":")) if metadata else ""


def _element(kind: str) -> str:
    return kind.removesuffix("[]")


def _string(value: Any) -> search_pb2.Value | None:
    return search_pb2.Value(string_value=value) if isinstance(value, str) else None


def _integer(value: Any) -> search_pb2.Value | None:
    return search_pb2.Value(integer_value=value) if is_integer(value) else None


def _number(value: Any) -> search_pb2.Value | None:
    return search_pb2.Value(number_value=float(value)) if is_number(value) else None


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
