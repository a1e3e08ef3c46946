"""Metadata filters: checked, and turned into conditions over keys that carry the field's type."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_search.tenancy import Condition, matches

_MOST_LEVELS = 8
_MOST_CONDITIONS = 200
_MOST_FILTERS = 100
_MOST_VALUES = 1000
# Ranges are compared as doubles by the engine, exact only up to here.
_EXACT = 2**53
_NAME = re.compile(r"[\w-]{1,64}")

_TYPES = {
    search_pb2.FIELD_TYPE_STRING: "string",
    search_pb2.FIELD_TYPE_INTEGER: "integer",
    search_pb2.FIELD_TYPE_NUMBER: "number",
    search_pb2.FIELD_TYPE_BOOLEAN: "boolean",
    search_pb2.FIELD_TYPE_DATETIME: "datetime",
}
_KINDS = {"string": "keyword", "integer": "integer", "number": "float", "boolean": "keyword", "datetime": "datetime"}
_RANGES = {
    search_pb2.COMPARISON_GT: "gt",
    search_pb2.COMPARISON_GTE: "gte",
    search_pb2.COMPARISON_LT: "lt",
    search_pb2.COMPARISON_LTE: "lte",
}
_RANGED = ("integer", "number", "datetime")
_ACCEPTED = {
    "string": ("string_value",),
    "integer": ("integer_value",),
    "number": ("number_value", "integer_value"),
    "boolean": ("boolean_value",),
    "datetime": ("string_value",),
}


def conditions(asked: search_pb2.Filter) -> Condition:
    """A filter as a condition; InvalidInput with reason `invalid_filter` where it breaks a rule of the contract."""
    budget = _Budget()
    return _of_filter(asked, 1, budget)


def indexes(fields: Sequence[search_pb2.Field]) -> dict[str, str]:
    """The payload indexes that fields need: key to kind."""
    return {key(field): _KINDS[type_name(field)] for field in fields}


def key(field: search_pb2.Field) -> str:
    """The payload key of a field: its type and its name, so that two collections' `year` never collide."""
    return f'meta.{type_name(field)}."{field.name}"'


def type_name(field: search_pb2.Field) -> str:
    """The word for a field's type; InvalidInput for a field without a fit name or type."""
    if not _NAME.fullmatch(field.name):
        raise _invalid(f"`{field.name[:80]}` is no field name. Use letters, digits, `_` and `-`, at most 64.")
    if field.type not in _TYPES:
        raise _invalid(f"The field `{field.name}` has no type. Give one of {', '.join(_TYPES.values())}.")
    return _TYPES[field.type]


def stored(field: search_pb2.Field, value: search_pb2.Value) -> Any:
    """A value as it is kept and compared; InvalidInput where it is not of the field's type."""
    kind, given = type_name(field), value.WhichOneof("kind")
    if given not in _ACCEPTED[kind]:
        raise _invalid(f"The field `{field.name}` is of type {kind}; give it a value of that type.")
    if kind == "datetime":
        return _time(field, value.string_value)
    if kind == "number":
        return _number(field, float(getattr(value, given)))
    if kind == "boolean":
        # As words: the embedded engine takes a boolean in a match for a whole number, and finds nothing.
        return "true" if value.boolean_value else "false"
    return getattr(value, given)


class _Budget:
    """Conditions that may still come."""

    def __init__(self) -> None:
        self._left = _MOST_CONDITIONS

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _invalid(f"The filter has more than {_MOST_CONDITIONS} conditions. Use `$in` for lists of values.")


def _of_filter(asked: search_pb2.Filter, level: int, budget: _Budget) -> Condition:
    if level > _MOST_LEVELS:
        raise _invalid(f"The filter is more than {_MOST_LEVELS} levels deep. Write it flatter.")
    kind = asked.WhichOneof("kind")
    if kind is None:
        raise _invalid("A filter is empty. Leave it out, or give it a condition.")
    if kind == "condition":
        budget.spend()
        return _of_condition(asked.condition)
    inner = asked.all.filters if kind == "all" else asked.any.filters
    if not 1 <= len(inner) <= _MOST_FILTERS:
        raise _invalid(f"A list of filters holds 1 to {_MOST_FILTERS}, not {len(inner)}.")
    return {"must" if kind == "all" else "should": [_of_filter(each, level + 1, budget) for each in inner]}


def _of_condition(asked: search_pb2.FieldCondition) -> Condition:
    values = _values(asked)
    equal = _EQUALS.get(type_name(asked.field), _is_within)
    if asked.comparison == search_pb2.COMPARISON_EQ:
        return equal(key(asked.field), values[0])
    if asked.comparison == search_pb2.COMPARISON_NE:
        return {"must_not": [equal(key(asked.field), values[0])]}
    if asked.comparison == search_pb2.COMPARISON_IN:
        return _is_any(asked.field, values, equal)
    return _is_ranged(asked, values[0])


def _values(asked: search_pb2.FieldCondition) -> list[Any]:
    if asked.comparison not in search_pb2.Comparison.values() or asked.comparison == 0:
        raise _invalid(f"The condition on `{asked.field.name}` has no comparison. Give one, such as `$eq`.")
    most = _MOST_VALUES if asked.comparison == search_pb2.COMPARISON_IN else 1
    if not 1 <= len(asked.values) <= most:
        expected = f"1 to {most} values" if most > 1 else "one value"
        raise _invalid(f"The condition on `{asked.field.name}` needs {expected}, not {len(asked.values)}.")
    return [stored(asked.field, each) for each in asked.values]


def _is_within(name: str, value: Any) -> Condition:
    """Equality where the engine has none: floating-point numbers and times."""
    return {"key": name, "range": {"gte": value, "lte": value}}


_EQUALS: dict[str, Callable[[str, Any], Condition]] = dict.fromkeys(("string", "integer", "boolean"), matches)


def _is_any(field: search_pb2.Field, values: list[Any], equal: Callable[[str, Any], Condition]) -> Condition:
    if type_name(field) in _EQUALS:
        return {"key": key(field), "match": {"any": values}}
    return {"should": [equal(key(field), each) for each in values]}


def _is_ranged(asked: search_pb2.FieldCondition, value: Any) -> Condition:
    kind = type_name(asked.field)
    if kind not in _RANGED:
        raise _invalid(f"The field `{asked.field.name}` is of type {kind} and has no order. Use `$eq`, `$ne` or `$in`.")
    if kind == "integer" and abs(value) > _EXACT:
        raise _invalid(f"The bound on `{asked.field.name}` is too large to compare exactly; stay within 2 to the 53rd.")
    return {"key": key(asked.field), "range": {_RANGES[asked.comparison]: value}}


def _time(field: search_pb2.Field, text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in text.upper():
        raise _invalid(f"The field `{field.name}` is a point in time; write it like 2024-05-01T12:00:00Z.")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _number(field: search_pb2.Field, value: float) -> float:
    if not math.isfinite(value):
        raise _invalid(f"The field `{field.name}` needs a finite number.")
    return value


def _invalid(message: str) -> errors.InvalidInput:
    return errors.InvalidInput(message, reason="invalid_filter", field="filter")
