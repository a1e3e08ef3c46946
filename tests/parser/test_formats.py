"""Which format some text is taken for: by content, by name and by what its sender declared."""

import pytest
from tests.parser.parser_process import Client

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PROSE = "".join(f"On day {day}, when it rained, we stayed at home, and read.\n" for day in range(8))
_TABLE = "day,place,deed\n" + "".join(f"{day},home,read\n" for day in range(8))


@pytest.mark.parametrize("name", ["", "Diary", "diary.txt", "notes, of 2024"])
async def test_text_with_as_many_commas_in_each_line_stays_text(client: Client, name: str) -> None:
    parsed = await client.parse(_PROSE.encode(), name, declared_media_type="text/plain")
    assert parsed.verdict.media_type == "text/plain"
    assert parsed.text == _PROSE.strip("\n")


@pytest.mark.parametrize(
    ("name", "declared"),
    [("days.csv", "text/plain"), ("days.tsv", ""), ("days.csv", ""), ("days", "text/csv"), ("days", "")],
)
async def test_a_table_is_read_as_one_by_its_name_or_where_nobody_calls_it_text(
    client: Client, name: str, declared: str
) -> None:
    parsed = await client.parse(_TABLE.encode(), name, declared_media_type=declared)
    assert parsed.verdict.media_type == "text/csv"


async def test_what_is_no_text_is_told_by_its_content_whatever_was_declared(client: Client) -> None:
    parsed = await client.parse(b'{"day": 1, "place": "home"}', "days", declared_media_type="text/plain")
    assert parsed.verdict.media_type == "application/json"


@pytest.mark.parametrize("odd", ["one,two\rthree,four", 'one,"two\rthree', "one\x00,two,three"])
async def test_text_that_trips_a_reader_of_tables_is_text(client: Client, odd: str) -> None:
    """A stray carriage return inside of a line is an error to the csv module, and no reason to fail."""
    parsed = await client.parse(f"{odd}\n".encode() * 6, "notes")
    assert "two" in parsed.text and parsed.verdict.media_type in ("text/plain", "text/csv")
