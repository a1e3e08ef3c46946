"""Filters: JSON over declared metadata fields, as search wants them.

`{"lang": "en", "year": {"$gte": 2020}, "$or": [{...}, {...}]}`: entries of one object must all hold.
"""

from collections.abc import Mapping
from typing import Any

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.metadata import TYPES, UNSTORABLE, is_of_type

MAX_DEPTH = 8
MAX_CONDITIONS = 200
MAX_VALUES = 1000

_COMPARISONS: dict[str, "search_pb2.Comparison"] = {
    "$eq": search_pb2.COMPARISON_EQ,
    "$ne": search_pb2.COMPARISON_NE,
    "$in": search_pb2.COMPARISON_IN,
    "$gt": search_pb2.COMPARISON_GT,
    "$gte": search_pb2.COMPARISON_GTE,
    "$lt": search_pb2.COMPARISON_LT,
    "$lte": search_pb2.COMPARISON_LTE,
}
_ORDERED = ("integer", "number", "datetime")


def to_proto(given: Mapping[str, Any], schema: Mapping[str, str]) -> search_pb2.Filter | None:
    """The filter that `given` spells over the fields of `schema`, None for an empty one.

    UnprocessableInput with reason `invalid_filter` says what is wrong where; `undeclared_field` how to declare it.
    """
    return _Reading(schema).all_of(given, 1) if given else None


class _Reading:
    """One filter being read; counts its conditions."""

    def __init__(self, schema: Mapping[str, str]) -> None:
        self._schema = schema
        self._count = 0

    def all_of(self, given: Any, depth: int) -> search_pb2.Filter:
        """Every entry of an object."""
        if not isinstance(given, Mapping) or not given:
            raise _wrong('A filter is a JSON object with at least one entry, such as {"lang": "en"}.')
        if depth > MAX_DEPTH:
            raise _wrong(f"A filter is nested at most {MAX_DEPTH} levels deep.")
        return _joined("all", [each for name, value in given.items() for each in self._entry(name, value, depth)])

    def _entry(self, name: str, value: Any, depth: int) -> list[search_pb2.Filter]:
        if name in ("$and", "$or"):
            if not isinstance(value, list) or not 1 <= len(value) <= 100:
                raise _wrong(f"`{name}` takes a list of 1 to 100 filters.")
            return [_joined("all" if name == "$and" else "any", [self.all_of(each, depth + 1) for each in value])]
        if name.startswith("$"):
            raise _wrong(f"`{name[:40]}` is not known here; `$and` and `$or` are, and field names.")
        return self._field(name, value)

    def _field(self, name: str, value: Any) -> list[search_pb2.Filter]:
        kind = self._schema.get(name)
        if kind is None:
            raise _undeclared(name)
        if not isinstance(value, Mapping):
            return [self._condition(name, kind, "$eq", value)]
        if not value:
            raise _wrong(f"The condition on `{name}` is empty; give a value or an operator.", name)
        return [self._condition(name, kind, operator, operand) for operator, operand in value.items()]

    def _condition(self, name: str, declared: str, operator: str, operand: Any) -> search_pb2.Filter:
        self._count += 1
        if self._count > MAX_CONDITIONS:
            raise _wrong(f"A filter has at most {MAX_CONDITIONS} conditions.")
        if operator not in _COMPARISONS:
            raise _wrong(f"`{operator[:40]}` is not an operator; {', '.join(_COMPARISONS)} are.", name)
        kind = declared.removesuffix("[]")
        if operator in ("$gt", "$gte", "$lt", "$lte") and kind not in _ORDERED:
            raise _wrong(f"`{operator}` compares numbers and times; `{name}` is declared as {declared}.", name)
        field = search_pb2.Field(name=name, type=TYPES[kind])
        values = [_value(name, kind, each) for each in _operands(name, operator, operand)]
        condition = search_pb2.FieldCondition(field=field, comparison=_COMPARISONS[operator], values=values)
        return search_pb2.Filter(condition=condition)


def _operands(name: str, operator: str, operand: Any) -> list[Any]:
    if operator != "$in":
        return [operand]
    if not isinstance(operand, list) or not 1 <= len(operand) <= MAX_VALUES:
        raise _wrong(f"`$in` takes a list of 1 to {MAX_VALUES} values.", name)
    return operand


def _value(name: str, kind: str, value: Any) -> search_pb2.Value:
    if not is_of_type(value, kind):
        raise _wrong(f"`{name}` is declared as {kind}; compare it with one.", name)
    if kind == "integer":
        return search_pb2.Value(integer_value=value)
    if kind == "number":
        return search_pb2.Value(number_value=float(value))
    if kind == "boolean":
        return search_pb2.Value(boolean_value=value)
    if UNSTORABLE.search(value):
        raise _wrong("A value holds characters that no document can have.", name)
    return search_pb2.Value(string_value=value)


def _joined(how: str, filters: list[search_pb2.Filter]) -> search_pb2.Filter:
    if len(filters) == 1:
        return filters[0]
    if len(filters) > 100:
        raise _wrong("An object of a filter has at most 100 conditions.")
    together = search_pb2.FilterList(filters=filters)
    return search_pb2.Filter(all=together) if how == "all" else search_pb2.Filter(any=together)


def _wrong(message: str, field: str = "") -> errors.UnprocessableInput:
    return errors.UnprocessableInput(message, reason="invalid_filter", field=f"filter.{field}" if field else "filter")


def _undeclared(name: str) -> errors.UnprocessableInput:
    return errors.UnprocessableInput(
        f"The collection does not declare `{name[:64]}`, so it cannot be filtered by. Declare it with "
        f'PATCH /api/v1/collections/{{collection}} and {{"metadata_schema": {{"{name[:64]}": "string"}}}}.',
        reason="undeclared_field",
        field=f"filter.{name[:64]}",
    )
