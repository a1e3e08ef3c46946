"""Where each strategy cuts, besides what holds of all of them."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from tests.parser.passages import Kind, assembled, chunked, counters

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunking import chunkers
from lorekeep_parser.readers.texts import plain

_WORDS = counters()["words"]
_MARKED = """# Lamps

An introduction to lamps.

```python
# no heading

light = 1
```

Oil
---
| name | height |
|------|--------|
| a    | 1      |

1. a first item
   that goes on
2. a second one

## Wicks ##
Words on wicks."""


def _options(strategy: int, most: int, **others: int) -> parser_pb2.ChunkOptions:
    return parser_pb2.ChunkOptions(strategy=strategy, max_tokens=most, min_tokens=others.pop("min_tokens", 1), **others)


def _text(text: str) -> document_pb2.Element:
    return document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text)


def test_markdown_is_seen_in_plain_text() -> None:
    elements, _ = assembled(list(plain.paragraphs(_MARKED)))
    chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_MARKDOWN, 200), _WORDS)
    assert [list(each.heading_path) for each in chunks] == [["Lamps"], ["Lamps", "Oil"], ["Lamps", "Wicks"]]
    assert "# no heading\n\nlight = 1\n```" in chunks[0].text
    assert chunks[1].text.startswith("Oil\n---\n| name")
    assert chunks[2].text == "## Wicks ##\nWords on wicks."


def test_markdown_keeps_a_block_whole_that_fits() -> None:
    code = "```\n" + "\n".join(f"line {number} of the code" for number in range(12)) + "\n```"
    for lead in range(1, 12):
        elements, _ = assembled([_text("The keeper came home. " * lead), _text(code), _text("He slept. " * 20)])
        chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_MARKDOWN, 100, min_tokens=50), _WORDS)
        assert any(code in each.text for each in chunks)


def test_markdown_repeats_the_header_of_a_table() -> None:
    rows = "\n".join(f"| lamp {number} | {number} |" for number in range(60))
    elements, _ = assembled([_text(f"| name | height |\n|---|---|\n{rows}")])
    chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_MARKDOWN, 100), _WORDS)
    assert len(chunks) > 3
    assert {each.context for each in chunks[1:]} == {"| name | height |"}


def test_what_has_headings_of_its_own_is_left_as_it_is() -> None:
    heading = document_pb2.Element(kind=Kind.ELEMENT_KIND_HEADING, text="Lamps", level=1)
    elements, _ = assembled([heading, _text("# a comment\nlight = 1")])
    (chunk,) = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_MARKDOWN, 100), _WORDS)
    assert list(chunk.heading_path) == ["Lamps"]


def test_fixed_chunks_are_full_and_repeat_exactly() -> None:
    elements, text = assembled([_text("The keeper of the lamp climbed the stairs again. " * 80), _text("End. " * 50)])
    chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_FIXED, 64, overlap_tokens=10), _WORDS)
    assert {each.token_count for each in chunks[:-1]} == {64}
    for before, after in pairwise(chunks):
        assert _WORDS.counts([text[after.start : before.end]]) == [10]


def test_recursive_cuts_at_the_largest_break_and_minds_no_headings() -> None:
    heading = document_pb2.Element(kind=Kind.ELEMENT_KIND_HEADING, text="A heading", level=1)
    parts = [_text("One sentence of eight words stands here now. " * 3) for _ in range(9)]
    elements, _ = assembled([*parts[:1], heading, *parts[1:]])
    chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_RECURSIVE, 100, min_tokens=40), _WORDS)
    assert "A heading" in chunks[0].text and not chunks[0].text.startswith("A heading")
    ends = {each.end for each in elements}
    assert all(each.end in ends for each in chunks)


def test_semantic_cuts_where_the_subject_changes() -> None:
    subjects = ["lamp", "bread", "whale"]
    passages = [" ".join(f"A {word} is number {number} here." for number in range(8)) for word in subjects]
    elements, _ = assembled([_text(" ".join(passages))])

    def vectors(texts: list[str]) -> NDArray[np.float32]:
        return np.array([[float(word in text) + 0.01 for word in subjects] for text in texts], np.float32)

    options = _options(parser_pb2.CHUNK_STRATEGY_SEMANTIC, 400, min_tokens=20)
    chunker = chunkers.chunker_of(options, _WORDS, vectors)
    chunks = [*chunker.add(elements[0]), *chunker.finish()]
    assert [each.text for each in chunks] == passages


def test_semantic_asks_for_nothing_that_cannot_be_cut() -> None:
    def vectors(texts: list[str]) -> NDArray[np.float32]:
        raise AssertionError(texts)

    options = _options(parser_pb2.CHUNK_STRATEGY_SEMANTIC, 400, min_tokens=100)
    chunker = chunkers.chunker_of(options, _WORDS, vectors)
    elements, _ = assembled([_text("A short one. It is over."), _text("One word")])
    assert len([chunk for each in elements for chunk in chunker.add(each)] + list(chunker.finish())) == 1


def test_hierarchical_children_stand_in_their_part() -> None:
    elements, _ = assembled([_text("The keeper of the lamp climbed the stairs again. " * 60)])
    chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_HIERARCHICAL, 200, min_tokens=100), _WORDS)
    assert max(each.token_count for each in chunks) <= 50
    parents = {each.parent_start: each.parent_text for each in chunks}
    assert len(parents) == 4
    assert all(_WORDS.whole(each) <= 200 for each in parents.values())


def test_a_sentence_that_goes_on_behind_a_page_is_not_torn() -> None:
    filler = "The keeper of the lamp climbed the stairs again. "
    for count in range(4, 14):
        first = document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, page=1, text=filler * count + "The storm that came")
        second = document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, page=2, text="over the sea was great. " + filler * 9)
        elements, _ = assembled([first, second])
        chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_BY_TITLE, 100), _WORDS)
        assert any("The storm that came\n\nover the sea was great." in each.text for each in chunks)


def test_a_list_stays_with_its_introduction() -> None:
    filler = "The keeper of the lamp climbed the stairs again. "
    items = [document_pb2.Element(kind=Kind.ELEMENT_KIND_LIST_ITEM, text=f"item {each}") for each in range(5)]
    for count in range(4, 12):
        elements, _ = assembled([_text(filler * count), _text("He had brought:"), *items, _text(filler * 9)])
        chunks = chunked(elements, _options(parser_pb2.CHUNK_STRATEGY_BY_TITLE, 100), _WORDS)
        assert any("He had brought:\n\nitem 0" in each.text for each in chunks)
