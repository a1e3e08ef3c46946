"""Rows become table elements, and nothing of them is lost on the way."""

import lxml.html
from hypothesis import given, settings
from hypothesis import strategies as st

from lorekeep_parser.page import Page
from lorekeep_parser.readers import elements, rows
from lorekeep_parser.readers.elements import Kind
from lorekeep_parser.readers.office.sheet_formats import plain
from lorekeep_parser.readers.texts.delimited import DelimitedReader

_CELL = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)
_ROWS = st.lists(st.lists(_CELL, max_size=6), max_size=40)


def _cells(text: str) -> list[str]:
    return [each for line in text.split("\n") for each in line.split("\t") if each]


@given(_ROWS, st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_every_cell_stays_in_its_order(made: list[list[str]], times: int) -> None:
    many = made * times if len(made) < 8 else made
    found = list(rows.tables(many, 3))
    assert [cell for each in found for cell in _cells(each.text)] == [cell for row in many for cell in row if cell]
    assert all(each.page == 3 for each in found)


@given(_ROWS)
@settings(max_examples=60, deadline=None)
def test_html_of_a_short_table_holds_its_cells(made: list[list[str]]) -> None:
    for each in rows.tables(made, 1):
        if each.kind == Kind.ELEMENT_KIND_TABLE:
            cells = [cell.text_content() for cell in lxml.html.fromstring(each.html).iter("td", "th")]
            assert [cell for cell in cells if cell] == _cells(each.text)


def test_a_long_table_has_its_header_alone_as_html_and_in_its_first_element_only() -> None:
    long = [["name", "height"], *([f"lamp {each}", str(each)] for each in range(9000))]
    first, *others = rows.tables([*long, [], ["second"], ["table"]], 1)
    assert first.html == elements.header_html(["name", "height"])
    assert [each.html for each in others[:-1]] == [""] * (len(others) - 1)
    assert others[-1].text == "second\ntable"


def test_single_cells_above_a_table_are_its_title() -> None:
    found = list(rows.tables([["Report"], ["of 2024"], ["name", "height"], ["lamp", "7"], ["", ""], ["a note"]], 1))
    assert [each.text for each in found] == ["Report", "of 2024", "name\theight\nlamp\t7", "a note"]
    assert [each.kind for each in found].count(Kind.ELEMENT_KIND_TABLE) == 1


def _read(text: str) -> tuple[list[str], list[str]]:
    (page,) = DelimitedReader(text).pages(0)
    assert isinstance(page, Page)
    return [each.text for each in page.elements], page.warnings


def test_quotes_of_a_csv_that_never_close_are_characters() -> None:
    texts, warnings = _read('name,place\n1,"never closed\n2,x\n3,y\n')
    assert texts == ['name\tplace\n1\t"never closed\n2\tx\n3\ty']
    assert warnings[0].startswith("quote_not_closed:")
    far = 'name,place\n1,"never closed\n' + "2,x\n" * 2000 + '3,"y"\n4,z\n'
    texts, warnings = _read(far)
    assert sum(each.count("\n") + 1 for each in texts) == 2004
    assert warnings


def test_a_csv_keeps_what_its_quotes_hold() -> None:
    assert _read('name,place\n1,"two\nlines, and ""more"""\n') == (['name\tplace\n1\ttwo lines, and "more"'], [])
    assert _read("sep=;\nname;place\n1;2,5\n") == (["name\tplace\n1\t2,5"], [])
    assert _read("a|b\n1|2|3\n4\n") == (["a\tb\n1\t2\t3\n4"], [])


def test_numbers_have_no_noise() -> None:
    assert [plain(each) for each in ("0.30000000000000004", "7.0", "1E+3", "123456789012345678", "-2.50")] == [
        "0.3", "7", "1000", "1.23456789012346e+17", "-2.50",
    ]  # fmt: skip
