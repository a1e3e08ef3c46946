"""Filters: JSON in, protos out, and everything malformed refused with its place."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_gateway import filters

SCHEMA = {
    "lang": "string",
    "year": "integer",
    "price": "number",
    "new": "boolean",
    "at": "datetime",
    "tags": "string[]",
}


def test_entries_of_an_object_all_hold() -> None:
    read = filters.to_proto({"lang": "en", "year": {"$gte": 2020, "$lt": 2030}}, SCHEMA)
    assert read is not None
    shown = [(each.condition.field.name, each.condition.comparison) for each in read.all.filters]
    assert shown == [
        ("lang", search_pb2.COMPARISON_EQ), ("year", search_pb2.COMPARISON_GTE), ("year", search_pb2.COMPARISON_LT),
    ]  # fmt: skip


def test_or_and_and_nest() -> None:
    read = filters.to_proto({"$or": [{"lang": "en"}, {"$and": [{"new": True}, {"price": {"$lte": 3}}]}]}, SCHEMA)
    assert read is not None
    assert read.any.filters[0].condition.values[0].string_value == "en"
    inner = read.any.filters[1].all.filters
    assert (inner[0].condition.values[0].boolean_value, inner[1].condition.values[0].number_value) == (True, 3.0)


def test_a_list_field_is_compared_by_its_elements() -> None:
    read = filters.to_proto({"tags": {"$in": ["a", "b"]}}, SCHEMA)
    assert read is not None
    assert read.condition.field.type == search_pb2.FIELD_TYPE_STRING
    assert [each.string_value for each in read.condition.values] == ["a", "b"]


def test_nothing_asked_is_no_filter() -> None:
    assert filters.to_proto({}, SCHEMA) is None


DEEP: dict[str, Any] = {"lang": "en"}
for _ in range(8):
    DEEP = {"$and": [DEEP]}


@pytest.mark.parametrize(
    "given",
    [
        {"year": "2020"}, {"year": 2020.5}, {"year": True}, {"year": 2**63}, {"price": float("inf")}, {"new": 1},
        {"at": "yesterday"}, {"at": "2024-01-01T00:00:00"}, {"lang": {"$gt": "a"}}, {"lang": {}}, {"lang": {"$in": []}},
        {"lang": {"$in": "en"}}, {"lang": {"$in": ["x"] * 1001}}, {"$or": []}, {"$and": {}}, {"$or": [{}]},
        {"$xor": []}, {"other": 1}, {"lang": ["en"]}, {"lang": None}, {"lang": "\x00"}, DEEP,
        {"$or": [{"$and": [{"lang": "en"}] * 100}] * 3},
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(errors.UnprocessableInput) as refusal:
        filters.to_proto(given, SCHEMA)
    assert refusal.value.field.startswith("filter")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(list(SCHEMA)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*SCHEMA, "$and", "$or", "$eq", "$in", "$gt", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given=st.dictionaries(st.sampled_from([*SCHEMA, "$and", "$or"]), JSON, max_size=3))
def test_any_json_is_read_or_refused_with_a_type(given: dict[str, Any]) -> None:
    try:
        read = filters.to_proto(json.loads(json.dumps(given)), SCHEMA)
    except errors.UnprocessableInput:
        return
    assert read is None or search_pb2.Filter.FromString(read.SerializeToString()) == read
