"""Which of a document's metadata can be filtered by, declared or not yet."""

from hypothesis import given
from hypothesis import strategies as st

from lorekeep.search.v1 import search_pb2
from lorekeep_gateway.ingest.attributes import attributes
from lorekeep_gateway.metadata import TYPES

NAMES = {number: name for name, number in TYPES.items()}
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
METADATA = st.dictionaries(st.text(max_size=8), VALUES | st.lists(VALUES, max_size=3), max_size=8)


def _kinds(found: list[search_pb2.Attribute], name: str) -> list[str]:
    return [NAMES[each.field.type] for each in found if each.field.name == name]


def test_a_declared_field_is_kept_under_its_type_alone() -> None:
    found, warnings = attributes({"year": "integer", "tags": "string[]"}, {"year": 7, "tags": ["x", "y"]})
    assert (_kinds(found, "year"), _kinds(found, "tags"), warnings) == (["integer"], ["string"], [])


def test_a_field_not_yet_declared_is_kept_under_every_type_that_it_has() -> None:
    found, _ = attributes(
        {}, {"year": 7, "ratio": 0.5, "ok": True, "on": "2026-11-21", "mixed": ["a", 1], "bad name": 1}
    )
    kinds = {name: _kinds(found, name) for name in ("year", "ratio", "ok", "on", "mixed", "bad name")}
    assert kinds == {
        "year": ["integer", "number"],
        "ratio": ["number"],
        "ok": ["boolean"],
        "on": ["string", "datetime"],
        "mixed": [],
        "bad name": [],
    }


def test_a_misfit_of_a_declared_field_is_warned_of_and_left_out() -> None:
    found, warnings = attributes({"year": "integer"}, {"year": "soon"})
    assert found == []
    assert warnings == ["metadata_mismatch: year holds a value that is no integer"]


@given(METADATA)
def test_any_metadata_gives_attributes_that_can_be_sent(metadata: dict[str, object]) -> None:
    found, warnings = attributes({}, metadata)
    assert warnings == []
    assert all(each.values and each.SerializeToString() for each in found)
