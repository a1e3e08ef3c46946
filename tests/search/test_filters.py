"""Metadata filters: what they find in every adapter, and what is refused."""

import pytest
from tests.search import samples
from tests.search.conftest import Index
from tests.search.samples import chunk, condition, either, every, field, search

from lorekeep.search.v1 import search_pb2
from lorekeep_chassis import errors
from lorekeep_search import filters

DOCUMENTS: dict[str, dict[str, object]] = {
    "a": {"lang": "en", "year": 2019, "price": 1.5, "open": True, "made_at": "2024-01-01T00:00:00Z"},
    "b": {"lang": "de", "year": 2020, "price": 2.5, "open": False, "made_at": "2024-06-01T12:00:00+02:00"},
    "c": {"lang": ["en", "fr"], "year": 2021, "price": 3.0, "open": True, "made_at": "2025-01-01T00:00:00Z"},
    "d": {},
}

CASES = [
    (condition("lang", "EQ", "en"), "ac"),
    (condition("lang", "NE", "en"), "bd"),
    (condition("lang", "IN", "de", "fr"), "bc"),
    (condition("year", "EQ", 2020), "b"),
    (condition("year", "NE", 2020), "acd"),
    (condition("year", "IN", 2019, 2021), "ac"),
    (condition("year", "GT", 2020), "c"),
    (condition("year", "GTE", 2020), "bc"),
    (condition("year", "LT", 2020), "a"),
    (condition("year", "LTE", 2020), "ab"),
    (condition("price", "EQ", 2.5), "b"),
    (condition("price", "IN", 1.5, 3.0), "ac"),
    (condition("price", "GT", 2.5), "c"),
    (condition("open", "EQ", True), "ac"),
    (condition("open", "NE", True), "bd"),
    (condition("open", "IN", True, False), "abc"),
    (condition("made_at", "EQ", "2024-06-01T10:00:00Z"), "b"),
    (condition("made_at", "GTE", "2024-06-01T10:00:00Z"), "bc"),
    (condition("made_at", "LT", "2024-06-01T10:00:00Z"), "a"),
    (condition("made_at", "IN", "2025-01-01T01:00:00+01:00"), "c"),
    (every(condition("lang", "EQ", "en"), condition("year", "GT", 2019)), "c"),
    (either(condition("lang", "EQ", "de"), condition("year", "EQ", 2019)), "ab"),
    (every(either(condition("lang", "EQ", "de"), condition("open", "EQ", True)), condition("year", "NE", 2021)), "ab"),
]


async def test_each_comparison_finds_what_it_says(index: Index) -> None:
    space = samples.space()
    for name, attributes in DOCUMENTS.items():
        await index.add(space, chunk(f"duck {name}", document=name, version=name), **attributes)
    for asked, expected in CASES:
        answer = await index.searcher.search(search(space, "duck", asked=asked))
        assert "".join(sorted(each.chunk.document_id for each in answer.hits)) == expected, asked


async def test_fields_of_one_name_and_two_types_do_not_meet(index: Index) -> None:
    space = samples.space()
    await index.add(space, chunk("duck", document="number", version="v1"), year=2020)
    await index.add(space, chunk("duck", document="text", version="v2"), year="2020")
    answer = await index.searcher.search(search(space, "duck", asked=condition("year", "EQ", "2020")))
    assert [each.chunk.document_id for each in answer.hits] == ["text"]


async def test_names_with_hyphens_and_letters_of_any_script_work(index: Index) -> None:
    space = samples.space()
    await index.add(space, chunk("duck"), **{"jahr-gang": 7, "größe": 1.5})
    asked = every(condition("jahr-gang", "EQ", 7), condition("größe", "GTE", 1.5))
    assert await index.texts(search(space, "duck", asked=asked)) == ["duck"]


def deep(levels: int) -> search_pb2.Filter:
    asked = condition("a", "EQ", "x")
    for _ in range(levels - 1):
        asked = every(asked)
    return asked


def wide(conditions: int) -> search_pb2.Filter:
    lists = [[condition("a", "EQ", "x")] * 100 for _ in range(conditions // 100)]
    return every(*(either(*each) for each in lists), *[condition("a", "EQ", "x")] * (conditions % 100))


UNTYPED = search_pb2.Filter(
    condition=search_pb2.FieldCondition(field=search_pb2.Field(name="a"), values=[samples.value("x")], comparison=1)
)
MISTYPED = search_pb2.Filter(
    condition=search_pb2.FieldCondition(field=field("year", 1), values=[samples.value("x")], comparison=1)
)


@pytest.mark.parametrize(
    "asked",
    [
        search_pb2.Filter(),
        every(),
        either(*[condition("a", "EQ", "x")] * 101),
        deep(9),
        wide(201),
        condition("a", "UNSPECIFIED", "x"),
        condition("a", "EQ"),
        condition("a", "EQ", "x", "y"),
        condition("a", "IN"),
        condition("a", "IN", *["x"] * 1001),
        condition("a", "GT", "x"),
        condition("a", "LTE", True),
        condition("", "EQ", "x"),
        condition("a.b", "EQ", "x"),
        condition('a"b', "EQ", "x"),
        condition("x" * 65, "EQ", "x"),
        condition("at_at", "EQ", "yesterday"),
        condition("at_at", "EQ", "2024-01-01"),
        condition("at_at", "EQ", "2024-01-01T00:00:00"),
        condition("a", "EQ", float("nan")),
        condition("a", "GT", 2**60),
        UNTYPED,
        MISTYPED,
    ],
)
def test_what_breaks_a_rule_is_refused_with_a_way_out(asked: search_pb2.Filter) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        filters.conditions(asked)
    assert caught.value.reason == "invalid_filter"
    assert len(caught.value.message) > 20


@pytest.mark.parametrize("asked", [deep(8), wide(200), condition("a", "IN", *["x"] * 1000)])
def test_what_is_just_within_the_rules_passes(asked: search_pb2.Filter) -> None:
    assert filters.conditions(asked)
