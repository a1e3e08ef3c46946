"""A book that is gone on with behind any page has the chunks of an undisturbed one, cut in whatever way."""

from pathlib import Path

import pytest
from tests.parser import small_files
from tests.parser.passages import STRATEGIES, chunking, counters

from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser import readers
from lorekeep_parser.page import Wishes
from lorekeep_parser.reading import MAX_STATE_BYTES, Reading

_PAGES = 25
_NAMES = {each: parser_pb2.ChunkStrategy.Name(each).removeprefix("CHUNK_STRATEGY_").lower() for each in STRATEGIES}


class _Listener:
    """Takes what a child sends; segments there are none."""

    def __init__(self) -> None:
        self.messages: list[parser_pb2.ParseResponse] = []

    def respond(self, message: bytes) -> None:
        self.messages.append(parser_pb2.ParseResponse.FromString(message))

    def request(self) -> None:
        return None

    def vectors(self) -> parser_pb2.Vectors:
        raise AssertionError("the chunker asks the test itself")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "document"
    path.write_bytes(small_files.book(_PAGES))
    return path


def _read(
    path: Path, options: parser_pb2.ChunkOptions, state: bytes = b"", batch_pages: int = 1
) -> list[parser_pb2.ParseResponse]:
    opening = parser_pb2.ParseStart(chunk_options=options, batch_pages=batch_pages, resume_state=state)
    listener = _Listener()
    reader = readers.opened(path, "book.pdf", "", Wishes())
    Reading(opening, reader, chunking(options, counters()["words"]), listener).run()
    return listener.messages


def _options(strategy: int, most: int = 200) -> parser_pb2.ChunkOptions:
    return parser_pb2.ChunkOptions(max_tokens=most, overlap_tokens=40, min_tokens=50, strategy=strategy)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=_NAMES.values())
def test_behind_every_page_comes_what_would_have_come(book: Path, strategy: int) -> None:
    whole = _read(book, _options(strategy))
    ends = [place for place, each in enumerate(whole) if each.HasField("batch_end")]
    assert len(ends) == _PAGES
    for place in ends[:-1]:
        state = whole[place].batch_end.resume_state
        assert len(state) <= MAX_STATE_BYTES
        assert _read(book, _options(strategy), state) == whole[place + 1 :]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=_NAMES.values())
def test_chunks_do_not_depend_on_batches(book: Path, strategy: int) -> None:
    by_batch = [_read(book, _options(strategy, 512), batch_pages=pages) for pages in (1, 7, 100)]
    chunks = [[each.chunk for each in messages if each.HasField("chunk")] for messages in by_batch]
    elements = [[each.element for each in messages if each.HasField("element")] for messages in by_batch]
    assert chunks[0] == chunks[1] == chunks[2]
    assert elements[0] == elements[1] == elements[2]
