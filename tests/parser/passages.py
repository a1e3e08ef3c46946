"""Elements of all sorts, tokenizers of all sorts, and what holds of every chunk."""

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.parser.parser_process import tokenizer_bytes
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.assembler import Assembler
from lorekeep_parser.chunking import chunkers
from lorekeep_parser.chunking.tokens import CharacterCounter, Counter, TokenCounter

Kind = document_pb2.ElementKind
FURNITURE = (Kind.ELEMENT_KIND_PAGE_HEADER, Kind.ELEMENT_KIND_PAGE_FOOTER)
STRATEGIES = [each for each in parser_pb2.ChunkStrategy.values() if each]

_WORDS = ["lamp", "keeper", "storm", "Dr.", "antidisestablishmentarianism", "灯台。", "ß", "3.14", "x" * 300, "—"]
_ODD = ["👩‍👩‍👧‍👦", "e\u0301\u0323", "مرحبا؟", "नमस्ते।", "สวัสดีครับ", "```", "# not", "|a|b|", "|-|-|", "…", "\u200b"]
_SENTENCE = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=30).map(lambda words: " ".join(words) + ". ")
_MIXED = st.lists(st.sampled_from(_WORDS + _ODD), min_size=1, max_size=40).flatmap(
    lambda words: st.sampled_from([" ", "\n", "", "\n\n"]).map(lambda between: between.join(words))
)
PROSE = st.one_of(st.lists(_SENTENCE, min_size=1, max_size=12).map("".join), st.text(max_size=200), _MIXED)
_ROWS = st.lists(
    st.lists(st.sampled_from(_WORDS[:8]), min_size=1, max_size=5).map("\t".join), min_size=1, max_size=30
).map("\n".join)
_KINDS = [
    Kind.ELEMENT_KIND_TEXT,
    Kind.ELEMENT_KIND_TEXT,
    Kind.ELEMENT_KIND_HEADING,
    Kind.ELEMENT_KIND_LIST_ITEM,
    Kind.ELEMENT_KIND_CODE,
    Kind.ELEMENT_KIND_PAGE_FOOTER,
]
_BOX = st.builds(
    lambda page, top: document_pb2.BoundingBox(page=page, left=0.1, top=top, right=0.9, bottom=1),
    st.integers(1, 5), st.floats(0, 1, width=32),
)  # fmt: skip
_ELEMENT = st.one_of(
    st.builds(
        lambda kind, text, page, level, boxes: document_pb2.Element(
            kind=kind, text=text, page=page, level=level, boxes=boxes
        ),
        st.sampled_from(_KINDS), PROSE, st.integers(1, 5), st.integers(1, 3), st.lists(_BOX, max_size=2),
    ),
    st.builds(lambda text: document_pb2.Element(kind=Kind.ELEMENT_KIND_TEXT, text=text), PROSE),
    st.builds(
        lambda text, html: document_pb2.Element(kind=Kind.ELEMENT_KIND_TABLE, text=text, html=html),
        _ROWS, st.sampled_from(["<table></table>", ""]),
    ),
)  # fmt: skip
DOCUMENT = st.lists(_ELEMENT, min_size=1, max_size=12)
OPTIONS = st.builds(
    lambda most, overlap, least, strategy, prefix: parser_pb2.ChunkOptions(
        max_tokens=most,
        overlap_tokens=int(most * overlap),
        min_tokens=max(1, int(most * least)),
        strategy=strategy,
        prefix=prefix,
    ),
    st.integers(20, 120), st.floats(0, 0.45), st.floats(0, 0.5),
    st.sampled_from(STRATEGIES), st.sampled_from(["", "passage: ", "query:"]),
)  # fmt: skip


def assembled(found: Sequence[document_pb2.Element]) -> tuple[list[document_pb2.Element], str]:
    """The elements in place, and the canonical text by its segments."""
    assembler, placed, text = Assembler(), [], ""
    for number, each in enumerate(found):
        copy = document_pb2.Element()
        copy.CopyFrom(each)
        placed += assembler.add(copy)
        if number % 5 == 4:
            text += assembler.segment().text
    placed += assembler.finish()
    return placed, text + assembler.segment().text


def chunking(options: parser_pb2.ChunkOptions, counter: Counter) -> chunkers.Chunking:
    return chunkers.chunker_of(options, counter, vectors_of)


def chunked(
    elements: Sequence[document_pb2.Element], options: parser_pb2.ChunkOptions, counter: Counter
) -> list[document_pb2.Chunk]:
    chunker = chunking(options, counter)
    return [chunk for each in elements for chunk in chunker.add(each)] + list(chunker.finish())


def vectors_of(texts: list[str]) -> NDArray[np.float32]:
    """A vector for each text, always the same one, as an embedder gives it."""
    assert 1 <= len(texts) <= 256
    assert all(each.strip() for each in texts)
    rows = [list(hashlib.sha256(each.encode()).digest()[:8]) for each in texts]
    return np.array(rows, np.float32) - 128


@cache
def counters() -> dict[str, Counter]:
    """Counters of every kind: words, bytes, pieces with their white space, characters."""
    return {
        "words": TokenCounter.of_bytes(tokenizer_bytes()),
        "bytes": TokenCounter.of_bytes(_trained(_byte_level(), trainers.BpeTrainer, initial_alphabet=True)),
        "pieces": TokenCounter.of_bytes(_trained(_metaspace(), trainers.UnigramTrainer, unk_token="<unk>")),
        "characters": CharacterCounter(),
    }


def _byte_level() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def _metaspace() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


def _trained(made: Tokenizer, trainer: Any, **wishes: Any) -> bytes:
    if wishes.pop("initial_alphabet", False):
        wishes["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    corpus = [f"The keeper of lamp {number} wrote into the log. It was dark, and a storm came." for number in range(99)]
    made.train_from_iterator(corpus, trainer(vocab_size=400, special_tokens=["<s>", "</s>", "<unk>"], **wishes))
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    data: str = made.to_str()
    return data.encode()


def check(
    elements: Sequence[document_pb2.Element],
    chunks: Sequence[document_pb2.Chunk],
    text: str,
    options: parser_pb2.ChunkOptions,
    counter: Counter,
) -> None:
    """What is promised of all chunks, whatever the strategy."""
    assert [each.ordinal for each in chunks] == list(range(len(chunks)))
    for each in chunks:
        assert each.text == text[each.start : each.end]
        assert each.text.strip()
        whole = options.prefix + (f"{each.context}\n{each.text}" if each.context else each.text)
        assert each.token_count == counter.whole(whole) <= options.max_tokens
        assert each.page <= each.page_end
    check_covered(elements, chunks)


def check_covered(elements: Sequence[document_pb2.Element], chunks: Sequence[document_pb2.Chunk]) -> None:
    """All that is visible is in a chunk, but for page furniture, which is in none; chunks go forward."""
    covered = {place for each in chunks for place in range(each.start, each.end)}
    for element in elements:
        for place, character in enumerate(element.text, start=element.start):
            assert character.isspace() or (place in covered) != (element.kind in FURNITURE)
    for before, after in pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end
