"""Pieces: what chunks are packed from. A piece is a sentence, a line or a row, small enough for any chunk."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import sentences
from lorekeep_parser.tokens import Counter

Kind = document_pb2.ElementKind

# A token stands for at most this many characters, or it is counted as more: a word that the model does not know is one
# token whatever its length, and a chunk must have an end all the same.
CHARACTERS_PER_TOKEN = 16
# Share of a chunk that a repeated header row may take.
_HEADER_SHARE = 4
# What it costs to cut behind a piece, as a share of a chunk left empty that one would rather take.
_COST_ELEMENT, _COST_LIST, _COST_SENTENCE, _COST_WORD = 0.0, 0.05, 0.15, 0.35
_COST_INTRODUCTION, _COST_HEADER, _COST_HEADING = 0.4, 1.5, 2.0

_LINED = frozenset({Kind.ELEMENT_KIND_CODE, Kind.ELEMENT_KIND_TABLE})


@dataclass(slots=True)
class Note:
    """What a chunk needs to know of an element. `header` is the first row of its table; `header_tokens` its length."""

    kind: document_pb2.ElementKind
    page: int
    boxes: list[list[float]]
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
    """Cuts elements into pieces. `capacity` is a chunk's size in tokens without special ones."""

    def __init__(self, counter: Counter, capacity: int) -> None:
        self._counter = counter
        self._capacity = capacity

    def header_of(self, text: str) -> tuple[str, int]:
        """The first row of a table and its tokens; empty where it is too long to be repeated."""
        header = text.split("\n", 1)[0].strip()
        if not header or len(header) * _HEADER_SHARE > self._capacity * CHARACTERS_PER_TOKEN:
            return "", 0
        tokens = self._counter.counts([header + "\n"])[0]
        fits = tokens * _HEADER_SHARE <= self._capacity and self._weight(header, tokens) == tokens
        return (header, tokens) if fits else ("", 0)

    def pieces(self, element: document_pb2.Element, note: Note, begins_table: bool) -> list[Piece]:
        """The pieces of an element, in order. `begins_table`: its first row is the header itself."""
        text = element.text
        spans = list(sentences.of_lines(text) if element.kind in _LINED else sentences.of_prose(text))
        counts = self._counter.counts([text[start:end] for start, end in spans])
        room = self._capacity - note.header_tokens
        made: list[Piece] = []
        for span, count in zip(spans, counts, strict=True):
            made += self._fitting(text, span, count, room, element.start, note)
        self._mark(made, element, begins_table)
        return made

    def halved(self, piece: Piece, text: str) -> list[Piece]:
        """A piece of two characters or more in two, where joined text counts for more than its pieces."""
        made = []
        for start, end in sentences.halves(text):
            tokens = self._counter.counts([text[start:end]])[0]
            weight = self._weight(text[start:end], tokens)
            spaced = piece.spaced if start == 0 else text[start - 1].isspace()
            half = replace(piece, start=piece.start + start, end=piece.start + end, tokens=tokens, weight=weight)
            made.append(replace(half, spaced=spaced, cost=_COST_WORD))
        made[-1].cost = piece.cost
        return made

    def _fitting(
        self, text: str, span: tuple[int, int], tokens: int, room: int, offset: int, note: Note
    ) -> Iterator[Piece]:
        """One piece, or several where the span alone would overflow a chunk."""
        start, end = span
        weight = self._weight(text[start:end], tokens)
        if weight <= room or end - start < 2:
            spaced = start == 0 or text[start - 1].isspace()
            yield Piece(offset + start, offset + end, tokens, weight, _COST_SENTENCE, note, spaced=spaced)
            return
        parts = [(start + a, start + b) for a, b in sentences.halves(text[start:end])]
        counts = self._counter.counts([text[a:b] for a, b in parts])
        for part, count in zip(parts, counts, strict=True):
            made = list(self._fitting(text, part, count, room, offset, note))
            made[-1].cost = _COST_WORD
            yield from made

    def _mark(self, made: list[Piece], element: document_pb2.Element, begins_table: bool) -> None:
        if not made:
            return
        kind = element.kind
        if kind == Kind.ELEMENT_KIND_TABLE:
            self._mark_table(made, element, begins_table)
        made[-1].cost = _COST_ELEMENT
        if kind == Kind.ELEMENT_KIND_HEADING:
            for piece in made:
                piece.heading, piece.cost = True, _COST_HEADING
        elif kind == Kind.ELEMENT_KIND_LIST_ITEM:
            made[-1].cost = _COST_LIST
        elif element.text.rstrip().endswith((":", "：")):
            made[-1].cost = _COST_INTRODUCTION

    def _mark_table(self, made: list[Piece], element: document_pb2.Element, begins_table: bool) -> None:
        """A row is a fine place to cut. Behind the header row it is not, and the header needs none before it."""
        first_row_end = element.start + len(element.text.split("\n", 1)[0])
        for piece in made:
            own_header = begins_table and piece.end <= first_row_end
            piece.headed = bool(piece.note.header) and not own_header
            if own_header:
                piece.cost = _COST_HEADER
            elif piece.cost == _COST_SENTENCE:
                piece.cost = _COST_LIST

    def _weight(self, text: str, tokens: int) -> int:
        return max(tokens, -(-len(text) // CHARACTERS_PER_TOKEN))
