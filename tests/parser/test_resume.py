"""A reading that goes on behind a batch gives what an undisturbed one gives."""

import pytest
from tests.parser import small_files
from tests.parser.parser_process import Client, Parsed
from tests.parser.test_documents import check_chunks, check_offsets

from lorekeep_chassis.errors import InvalidInput

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CSV = "name,place,height\n" + "".join(f"lamp {row},coast {row % 90},{row * 7 % 61}\n" for row in range(30_000))
_TEXT = "\n\n".join(f"The keeper of lamp {each} climbed the stairs again. It was dark." for each in range(9000))


def _behind(parsed: Parsed, number: int) -> list[object]:
    """The messages behind the batch end of a number."""
    places = [place for place, each in enumerate(parsed.messages) if each.WhichOneof("part") == "batch_end"]
    return list(parsed.messages[places[number] + 1 :])


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        ("book.pdf", small_files.book(17), {"max_tokens": 200, "overlap_tokens": 40}),
        ("lamps.csv", _CSV.encode(), {"max_tokens": 512}),
        ("lamps.txt", _TEXT.encode(), {"max_tokens": 256, "overlap_tokens": 60}),
    ],
)
async def test_a_resumed_reading_agrees(client: Client, name: str, data: bytes, options: dict[str, int]) -> None:
    start = {"chunk_options": client.options(**options), "batch_pages": 3}
    whole = await client.parse(data, name, **start)
    assert len(whole.batch_ends) > 2
    check_offsets(whole)
    check_chunks(whole, options["max_tokens"])
    for number, end in enumerate(whole.batch_ends):
        resumed = await client.parse(data, name, resume_state=end.resume_state, **start)
        rest = resumed.messages
        if end is whole.batch_ends[-1]:
            assert rest[-1] == whole.messages[-1]
        else:
            assert rest == _behind(whole, number)


async def test_a_book_has_chapters_pages_and_no_furniture(client: Client) -> None:
    parsed = await client.parse(small_files.book(6), "book.pdf")
    title, *chapters = parsed.chunks
    assert (title.text, list(title.heading_path)) == ("A Handbook of Lighthouses", [])
    assert {each.heading_path[0] for each in chapters} == {"Chapter 1 of the keepers", "Chapter 2 of the keepers"}
    assert any(each.page_end == each.page + 1 for each in parsed.chunks)
    assert parsed.text.count("Handbook") == 6
    assert not any("Handbook" in each.text for each in chapters)
    assert parsed.batch_ends[-1].pages_done == parsed.batch_ends[-1].pages_total == 6


async def test_a_state_of_other_options_is_refused(client: Client) -> None:
    parsed = await client.parse(b"One text.", "a.txt")
    state = parsed.batch_ends[0].resume_state
    with pytest.raises(InvalidInput) as caught:
        await client.parse(b"One text.", "a.txt", resume_state=state, chunk_options=client.options(max_tokens=64))
    assert caught.value.reason == "resume_state_invalid"
    with pytest.raises(InvalidInput):
        await client.parse(b"One text.", "a.txt", resume_state=b"\x00garbage")
