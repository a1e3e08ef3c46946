"""What runs through a PDF's pages is left out of its chunks, and what only looks like it is not."""

import pytest
from tests.parser.parser_process import Client
from tests.parser.small_files import book, pdf

from lorekeep.document.v1 import document_pb2

pytestmark = pytest.mark.asyncio(loop_scope="session")

Lines = list[tuple[float, float, str]]
_BODY = "words of the body which go on and on until the line is full and a next one begins"


async def _chunked(client: Client, pages: list[Lines]) -> str:
    parsed = await client.parse(pdf(pages), "book.pdf")
    return " ".join(" ".join(each.text for each in parsed.chunks).split())


def _body(page: int, first: float = 100, lines: int = 20) -> Lines:
    return [(11, first + 14 * row, f"Row {row} of sheet {page}: {_BODY}") for row in range(lines)]


async def test_heads_feet_and_page_numbers_are_no_part_of_the_text(client: Client) -> None:
    parsed = await client.parse(book(6), "book.pdf")
    title, *rest = parsed.chunks
    text = " ".join(each.text for each in rest)
    assert title.text == "A Handbook of Lighthouses"  # the first page's, which else nobody would find
    assert "Handbook" not in text
    assert all(f"On page {page} the keeper wrote line {line} " in text for page in range(1, 7) for line in range(25))
    furniture = [each.text for each in parsed.elements if each.kind == document_pb2.ELEMENT_KIND_PAGE_HEADER]
    assert furniture == ["A Handbook of Lighthouses"] * 5


async def test_heads_of_left_pages_right_pages_and_chapters_run_too(client: Client) -> None:
    heads = ["On Lighthouses", "The first lamp"] * 4 + ["On Lighthouses", "The second lamp"] * 4
    pages = [[(9, 40, f"{head} {page}"), *_body(page)] for page, head in enumerate(heads, start=1)]
    text = await _chunked(client, pages)
    assert text.count("On Lighthouses") == 1
    assert "lamp" not in text


@pytest.mark.parametrize("step", [14, 26])
async def test_body_lines_that_begin_alike_are_kept_wherever_pages_begin(client: Client, step: float) -> None:
    rows = int(700 / step)
    pages: list[Lines] = [
        [(11, 30 + step * row, f"Passage {page * rows + row + 1} of {12 * rows} is told.") for row in range(rows)]
        for page in range(12)
    ]
    text = await _chunked(client, pages)
    assert all(f"Passage {number} of {12 * rows} is told." in text for number in range(1, 12 * rows + 1))


async def test_a_first_paragraph_alike_but_for_its_number_is_kept_though_set_apart(client: Client) -> None:
    pages = [[(11, 50, f"Entry {page * 7} of the log."), *_body(page)] for page in range(1, 9)]
    text = await _chunked(client, pages)
    assert all(f"Entry {page * 7} of the log." in text for page in range(1, 9))


async def test_the_same_line_at_the_beginning_of_a_paragraph_is_kept(client: Client) -> None:
    pages = [[(11, 50, "The keeper of the light reports"), *_body(page, 64)] for page in range(1, 9)]
    assert (await _chunked(client, pages)).count("The keeper of the light reports") == 8


async def test_a_line_on_few_of_the_pages_is_kept(client: Client) -> None:
    repeats = {2, 5, 9}
    pages = [[*([(9, 40, "Nota bene")] if page in repeats else []), *_body(page)] for page in range(1, 13)]
    assert (await _chunked(client, pages)).count("Nota bene") == 3


async def test_a_page_is_never_left_without_its_only_line(client: Client) -> None:
    pages: list[Lines] = [[(11, 40, "Nothing was seen today.")] for _ in range(5)]
    assert (await _chunked(client, pages)).count("Nothing was seen today.") == 5


async def test_numbers_inside_the_text_near_an_edge_are_kept(client: Client) -> None:
    pages = [[*_body(page, 36, 3), (11, 78, str(1000 + page)), *_body(page, 92, 20)] for page in range(1, 5)]
    text = await _chunked(client, pages)
    assert all(str(1000 + page) in text for page in range(1, 5))
