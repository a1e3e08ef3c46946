"""Page ranges, elements without chunks, verdicts of pages, and what a caller may ask for."""

import pytest
from tests.parser import small_files
from tests.parser.parser_process import Client

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PAGES = 9


async def test_a_book_read_range_by_range_is_the_book(client: Client) -> None:
    data = small_files.book(_PAGES)
    whole = await client.parse(data, "book.pdf", batch_pages=3)
    state, parts = b"", []
    for last in (3, 6, _PAGES):
        part = await client.parse(data, "book.pdf", batch_pages=3, resume_state=state, last_page=last)
        assert part.batch_ends[-1].pages_done == last
        state = part.batch_ends[-1].resume_state
        parts += [each for each in part.messages if each.WhichOneof("part") != "accepted"]
    assert parts == [each for each in whole.messages if each.WhichOneof("part") != "accepted"]


async def test_a_range_that_ends_early_has_no_verdict(client: Client) -> None:
    part = await client.parse(small_files.book(_PAGES), "book.pdf", last_page=2)
    assert [each.WhichOneof("part") for each in part.messages][-1] == "batch_end"
    assert (part.batch_ends[-1].pages_done, part.batch_ends[-1].pages_total) == (2, _PAGES)
    assert {each.page for each in part.elements} == {1, 2}


async def test_every_page_has_its_verdict(client: Client) -> None:
    data = small_files.pdf([[(11, 100.0, "Words on the first page.")], [], [(11, 100.0, "Words on the third.")]])
    parsed = await client.parse(data, "gap.pdf", batch_pages=2)
    pages = [page for end in parsed.batch_ends for page in end.segment.pages]
    assert [(each.page, each.outcome) for each in pages] == [
        (1, document_pb2.PAGE_OUTCOME_READ),
        (2, document_pb2.PAGE_OUTCOME_EMPTY),
        (3, document_pb2.PAGE_OUTCOME_READ),
    ]
    assert sum(each.characters for each in pages) == parsed.verdict.characters
    assert parsed.verdict.pages_empty == 1


async def test_elements_alone_need_no_tokenizer_and_give_no_chunks(client: Client) -> None:
    data = small_files.book(4)
    parsed = await client.parse(data, "book.pdf", batch_pages=2, chunk_options=None)
    assert not parsed.messages[0].accepted.tokenizer_required
    assert parsed.chunks == [] and parsed.finished.chunk_count == 0
    assert parsed.elements == (await client.parse(data, "book.pdf", batch_pages=2)).elements
    resumed = await client.parse(
        data, "book.pdf", batch_pages=2, chunk_options=None, resume_state=parsed.batch_ends[0].resume_state
    )
    assert resumed.elements == [each for each in parsed.elements if each.ordinal >= resumed.elements[0].ordinal]
    assert resumed.finished == parsed.finished


async def test_a_state_fits_only_the_strategy_that_it_was_made_with(client: Client) -> None:
    data = small_files.book(4)
    state = (await client.parse(data, "book.pdf", batch_pages=2)).batch_ends[0].resume_state
    with pytest.raises(InvalidInput) as caught:
        await client.parse(data, "book.pdf", resume_state=state, strategy=parser_pb2.READ_STRATEGY_FAST)
    assert caught.value.reason == "resume_state_invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"languages": ["--psm"]},
        {"languages": ["en"] * 9},
        {"languages": ["../etc"]},
        {"strategy": 99},
        {"chunk_options": parser_pb2.ChunkOptions(tokenizer_fingerprint="a" * 64, prefix="x" * 1025)},
        {"chunk_options": parser_pb2.ChunkOptions(unit=parser_pb2.CHUNK_UNIT_CHARACTERS, max_tokens=100_001)},
        {"chunk_options": parser_pb2.ChunkOptions(tokenizer_fingerprint="a" * 64, strategy=77)},
    ],
)
async def test_what_nobody_may_ask_for(client: Client, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        await client.parse(b"One text.", "a.txt", **wrong)
