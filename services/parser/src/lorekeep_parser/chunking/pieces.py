"""Pieces: what chunks are packed from. A piece is a sentence, a line or a row, small enough for any chunk."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.chunking import borders, sentences
from lorekeep_parser.chunking.tokens import Counter

Kind = document_pb2.ElementKind

# A token stands for at most this many characters, or it is counted as more: a word that the model does not know is one
# token whatever its length, and a chunk must have an end all the same.
CHARACTERS_PER_TOKEN = 16
# Share of a chunk that a repeated header row may take.
_HEADER_SHARE = 4

LINED = frozenset({Kind.ELEMENT_KIND_CODE, Kind.ELEMENT_KIND_TABLE})


@dataclass(frozen=True)
class Costs:
    """What it costs to cut behind a piece, as a share of a chunk left empty that one would rather take."""

    element: float = 0.0
    list_item: float = 0.05
    row: float = 0.05
    sentence: float = 0.15
    line: float = 0.25
    word: float = 0.35
    introduction: float = 0.4
    torn: float = 0.6
    header: float = 1.5
    heading: float = 2.0
    # Behind a row or a line of a table or of code that would fit a chunk whole.
    whole: float = 0.05


STRUCTURE = Costs()


@dataclass(slots=True)
class Note:
    """What a chunk needs to know of an element. `path` is that of the headings above what follows it: a heading's own
    text is in it. `header` is the first row of its table; `header_tokens` its length."""

    kind: document_pb2.ElementKind
    page: int
    boxes: list[list[float]]
    path: list[str] = field(default_factory=list)
    header: str = ""
    header_tokens: int = 0


@dataclass(slots=True)
class Piece:
    """Characters [start, end) of the canonical text.

    `tokens` are without special ones; `weight` is what packing counts, never less. `cost` is that of a cut behind it.
    `spaced` says that white space stands before it. `headed`: it may not stand without its table's header.
    """

    start: int
    end: int
    tokens: int
    weight: int
    cost: float
    note: Note
    heading: bool = False
    spaced: bool = True
    headed: bool = False


class PieceMaker:
    """Cuts elements into pieces. `capacity` is a chunk's size without special tokens and prefix."""

    def __init__(self, counter: Counter, capacity: int, costs: Costs = STRUCTURE) -> None:
        self._counter = counter
        self._capacity = capacity
        self._costs = costs

    def header_of(self, text: str) -> tuple[str, int]:
        """The first row of a table and its tokens; empty where it is too long to be repeated."""
        header = text.split("\n", 1)[0].strip()
        if not header or len(header) * _HEADER_SHARE > self._capacity * CHARACTERS_PER_TOKEN:
            return "", 0
        tokens = self._counter.counts([header + "\n"])[0]
        fits = tokens * _HEADER_SHARE <= self._capacity and weight_of(header, tokens) == tokens
        return (header, tokens) if fits else ("", 0)

    def pieces(self, text: str, start: int, note: Note, begins_table: bool) -> list[Piece]:
        """The pieces of a text that stands at `start`, in order. `begins_table`: its first row is the header itself."""
        spans = list(sentences.of_lines(text) if note.kind in LINED else sentences.of_prose(text))
        counts = self._counts(text, spans)
        room = self._capacity - note.header_tokens
        made: list[Piece] = []
        for span, count in zip(spans, counts, strict=True):
            made += self._fitting(text, span, count, room, start, note)
        if made:
            self._mark(made, text, start, begins_table)
        return made

    def halved(self, piece: Piece, text: str) -> list[Piece]:
        """A piece of two characters or more in two, where joined text counts for more than its pieces."""
        made = []
        for start, end in borders.halves(text):
            if text[start:end].strip():
                tokens = self._counter.counts([text[start:end]])[0]
                spaced = piece.spaced if start == 0 else text[start - 1].isspace()
                half = replace(piece, start=piece.start + start, end=piece.start + end, tokens=tokens, spaced=spaced)
                made.append(replace(half, weight=weight_of(text[start:end], tokens), cost=self._costs.word))
        made[-1].cost = piece.cost
        return made

    def _counts(self, text: str, spans: list[sentences.Span]) -> list[int]:
        """Lengths that add up to about that of the whole: with the white space before each where that counts."""
        if self._counter.additive:
            return self._counter.counts([text[start:end] for start, end in spans])
        begins = [0, *(end for _, end in spans[:-1])]
        texts = [text[begin:end] for begin, (_, end) in zip(begins, spans, strict=True)]
        if texts:
            texts[0] = "\n\n" + texts[0]
        return self._counter.counts(texts)

    def _fitting(
        self, text: str, span: sentences.Span, tokens: int, room: int, offset: int, note: Note
    ) -> Iterator[Piece]:
        """One piece, or several where the span alone would overflow a chunk."""
        start, end = span
        weight = weight_of(text[start:end], tokens)
        if weight <= room or end - start < 2:
            spaced = start == 0 or text[start - 1].isspace()
            yield Piece(offset + start, offset + end, tokens, weight, self._costs.sentence, note, spaced=spaced)
            return
        start += len(text[start:end]) - len(text[start:end].lstrip())
        parts = (
            [(start + a, start + b) for a, b in borders.halves(text[start:end])] if end - start > 1 else [(start, end)]
        )
        counts = self._counter.counts([text[a:b] for a, b in parts])
        for part, count in zip(parts, counts, strict=True):
            made = list(self._fitting(text, part, count, room, offset, note))
            made[-1].cost = self._costs.word
            yield from made
        made[-1].cost = self._costs.sentence

    def _mark(self, made: list[Piece], text: str, start: int, begins_table: bool) -> None:
        """Sets what it costs to cut inside and behind the element."""
        kind, costs = made[0].note.kind, self._costs
        if kind in LINED:
            self._mark_lines(made)
        else:
            self._mark_broken_lines(made, text, start)
        if kind == Kind.ELEMENT_KIND_TABLE:
            self._mark_table(made, start + len(text.split("\n", 1)[0]), begins_table)
        made[-1].cost = costs.element
        if kind == Kind.ELEMENT_KIND_HEADING:
            for piece in made:
                piece.heading, piece.cost = True, costs.heading
        elif kind == Kind.ELEMENT_KIND_LIST_ITEM:
            made[-1].cost = costs.list_item
        elif text.rstrip().endswith((":", "：")):
            made[-1].cost = costs.introduction

    def _mark_lines(self, made: list[Piece]) -> None:
        """A line is a fine place to cut, unless the block may be had whole."""
        costs = self._costs
        whole = sum(each.weight for each in made) <= self._capacity
        for piece in made:
            if piece.cost == costs.sentence:
                piece.cost = costs.whole if whole else costs.row

    def _mark_broken_lines(self, made: list[Piece], text: str, start: int) -> None:
        """A line that ends no sentence is a worse place than one that does."""
        if "\n" not in text:
            return
        for piece, following in pairwise(made):
            between = text[piece.end - start : following.start - start]
            if piece.cost == self._costs.sentence and "\n" in between:
                piece.cost = self._line_cost(text[max(0, piece.end - start - 16) : piece.end - start], between)

    def _line_cost(self, before: str, between: str) -> float:
        if between.count("\n") > 1:
            return self._costs.element
        return self._costs.sentence if sentences.finished(before) else self._costs.line

    def _mark_table(self, made: list[Piece], first_row_end: int, begins_table: bool) -> None:
        """Behind the header row is no place to cut, and the header needs none before it."""
        for piece in made:
            own_header = begins_table and piece.end <= first_row_end
            piece.headed = bool(piece.note.header) and not own_header
            if own_header:
                piece.cost = self._costs.header


def weight_of(text: str, tokens: int) -> int:
    """What packing counts for a text of so many tokens."""
    return max(tokens, -(-len(text) // CHARACTERS_PER_TOKEN))
