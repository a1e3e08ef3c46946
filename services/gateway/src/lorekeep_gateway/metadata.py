"""Metadata of documents: any JSON object of bounded size, whose declared fields are of their declared types."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors

MAX_METADATA_BYTES = 64 * 1024
MAX_FIELDS = 64
MAX_DEPTH = 32
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_INT64 = 2**63
# What jsonb and UTF-8 cannot hold.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

TYPES: dict[str, "search_pb2.FieldType"] = {
    "string": search_pb2.FIELD_TYPE_STRING,
    "integer": search_pb2.FIELD_TYPE_INTEGER,
    "number": search_pb2.FIELD_TYPE_NUMBER,
    "boolean": search_pb2.FIELD_TYPE_BOOLEAN,
    "datetime": search_pb2.FIELD_TYPE_DATETIME,
}
TYPE_NAMES = (*TYPES, *(f"{each}[]" for each in TYPES))


def checked_schema(schema: Mapping[str, str]) -> dict[str, str]:
    """A collection's declared fields as they are kept; UnprocessableInput names the first that breaks a rule."""
    if len(schema) > MAX_FIELDS:
        raise _wrong(f"A collection declares at most {MAX_FIELDS} fields.", "metadata_schema")
    for name, kind in schema.items():
        field = f"metadata_schema.{name}"
        if not is_field_name(name):
            raise _wrong("A field's name has 1 to 64 letters, digits, `_` or `-`.", field)
        if kind not in TYPE_NAMES:
            raise _wrong(f"A field's type is one of {', '.join(TYPE_NAMES)}.", field)
    return dict(schema)


def is_field_name(name: str) -> bool:
    """Whether a field of this name can be declared."""
    return _FIELD_NAME.fullmatch(name) is not None


def fields(schema: Mapping[str, str]) -> list[search_pb2.Field]:
    """Declared fields as search wants them; a list is filtered by its elements."""
    return [search_pb2.Field(name=name, type=TYPES[kind.removesuffix("[]")]) for name, kind in schema.items()]


def parsed(text: str | bytes) -> dict[str, Any]:
    """The metadata that a form field spells as JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong('Metadata is a JSON object, such as {"lang": "en"}.', "metadata") from None
    if not isinstance(value, dict):
        raise _wrong('Metadata is a JSON object, such as {"lang": "en"}.', "metadata")
    return value


def checked(metadata: Mapping[str, Any], schema: Mapping[str, str]) -> dict[str, Any]:
    """Metadata that can be kept; UnprocessableInput names the field that cannot."""
    _storable(metadata)
    for name, kind in schema.items():
        value = metadata.get(name)
        if value is not None and not _fits(value, kind):
            raise _wrong(f"This field is declared as {kind}; its value is not one.", f"metadata.{name}")
    return dict(metadata)


def is_datetime(value: Any) -> bool:
    """Whether a value is a time as RFC 3339 spells it, with its zone, or a date."""
    if not isinstance(value, str) or len(value) > 40:
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None or re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
    except ValueError:
        return False


def is_integer(value: Any) -> bool:
    """Whether a value is a whole number of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


_FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": is_integer,
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "datetime": is_datetime,
}


def is_of_type(value: Any, kind: str) -> bool:
    """Whether a single value is of a declared type (without `[]`)."""
    return _FITS[kind](value)


def _fits(value: Any, kind: str) -> bool:
    if kind.endswith("[]"):
        return isinstance(value, list) and all(is_of_type(each, kind[:-2]) for each in value)
    return is_of_type(value, kind)


def _storable(metadata: Mapping[str, Any]) -> None:
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        raise _wrong("Metadata holds numbers that are not finite, or is nested too deep.", "metadata") from None
    if _is_deep(metadata):
        raise _wrong(f"Metadata is nested at most {MAX_DEPTH} levels deep.", "metadata")
    if any(UNSTORABLE.search(each) for each in _texts(metadata)):
        raise _wrong("Metadata holds characters that cannot be kept (NUL or half a surrogate pair).", "metadata")
    if len(text.encode()) > MAX_METADATA_BYTES:
        raise _wrong(f"Metadata has at most {MAX_METADATA_BYTES} bytes as JSON.", "metadata")


def _is_deep(value: Any) -> bool:
    """Whether a JSON value is nested deeper than every reader of it goes: answers are not written beyond 255 levels,
    and one such document would spoil each list that it stands in."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level if isinstance(each, Mapping | list) for inner in _inside(each)]
    return any(isinstance(each, Mapping | list) for each in level)


def _inside(value: Mapping[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value


def _texts(value: Any) -> Iterator[str]:
    """Every string of a JSON value, names too."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            waiting += each


def _wrong(message: str, field: str) -> errors.UnprocessableInput:
    return errors.UnprocessableInput(message, field=field)
