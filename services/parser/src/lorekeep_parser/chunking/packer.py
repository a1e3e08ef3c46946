"""Cuts chunks off an open section, by what the model will truly count."""

from dataclasses import dataclass

from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.chunking import packing
from lorekeep_parser.chunking.open_section import OpenSection
from lorekeep_parser.chunking.packing import Cut, Sizes
from lorekeep_parser.chunking.pieces import STRUCTURE, Costs, Piece, PieceMaker
from lorekeep_parser.chunking.tokens import Counter

_LEAST_CAPACITY = 8


@dataclass(frozen=True)
class Measure:
    """A counter with the prefix that the model puts in front of every passage."""

    counter: Counter
    prefix: str

    @property
    def fixed(self) -> int:
        """What every chunk takes beside its text: special tokens and the prefix."""
        return self.counter.whole(self.prefix) if self.prefix else self.counter.specials

    @property
    def additive(self) -> bool:
        """Whether lengths of texts joined by white space add up, the prefix among them."""
        return self.counter.additive and (not self.prefix or self.prefix[-1].isspace())

    def whole(self, context: str, text: str) -> int:
        """The true length of a chunk as the model reads it."""
        return self.counter.whole(self.prefix + (f"{context}\n{text}" if context else text))

    def capacity(self, most: int) -> int:
        """What a chunk of `most` may hold; InvalidInput where the prefix leaves no room."""
        if most - self.fixed < _LEAST_CAPACITY:
            raise InvalidInput(
                "The model's prefix leaves no room for text. Choose a larger max_tokens.", field="max_tokens"
            )
        return most - self.fixed


@dataclass(frozen=True)
class Taken:
    """What becomes a chunk: pieces, the canonical text from the first to the last, its true length."""

    pieces: list[Piece]
    text: str
    tokens: int

    @property
    def context(self) -> str:
        """The header row that it stands under, where it does not hold it."""
        return context_of(self.pieces[0])


class Packer:
    """Takes chunks of up to `most` off a section; `maker` makes the pieces for them."""

    def __init__(
        self,
        measure: Measure,
        most: int,
        overlap: int,
        least: int,
        costs: Costs = STRUCTURE,
        cut: Cut = packing.best_cut,
    ) -> None:
        self._measure = measure
        self._most = most
        self._cut = cut
        self._fixed, self._additive = measure.fixed, measure.additive
        self.sizes = Sizes(measure.capacity(most), overlap, least)
        self.maker = PieceMaker(measure.counter, self.sizes.capacity, costs)

    def taken(self, section: OpenSection, final: bool) -> Taken:
        """The next chunk of a section that holds something fresh. `final`: nothing more will come."""
        while True:
            count = self._cut(section.pieces, section.fresh, section.weight, self.sizes, final)
            if count or not section.fresh:
                break
            section.drop_overlap()
        count, tokens = self._counted(section, max(count, 1))
        pieces = section.pieces[:count]
        text = section.text_between(pieces[0].start, pieces[-1].end)
        overlap = 0 if count == len(section.pieces) else packing.overlapping(section.pieces, count, self.sizes)
        section.cut(count, overlap)
        return Taken(pieces, text, tokens)

    def _counted(self, section: OpenSection, taken: int) -> tuple[int, int]:
        """The true length of a chunk of `taken` pieces; fewer are taken where their sum was too small a guess."""
        while True:
            tokens = self._tokens(section, taken)
            if tokens <= self._most:
                return taken, tokens
            if taken <= section.fresh + 1:
                return self._squeezed(section)
            taken = max(section.fresh + 1, min(taken - 1, taken * self._most // tokens))

    def _squeezed(self, section: OpenSection) -> tuple[int, int]:
        """One fresh piece is too long with the overlap before it, or by itself where white space costs tokens."""
        if section.fresh:
            section.drop_overlap()
            return self._counted(section, 1)
        first = section.pieces[0]
        if first.end - first.start < 2:  # nothing is left to cut; no known tokenizer comes here
            return 1, self._tokens(section, 1)
        section.replace_first(self.maker.halved(first, section.text_between(first.start, first.end)))
        return self._counted(section, 1)

    def _tokens(self, section: OpenSection, taken: int) -> int:
        """Length of a chunk with context, prefix and special tokens, as the model will count them."""
        pieces = section.pieces[:taken]
        if self._additive and all(each.spaced for each in pieces[1:]):
            return sum(each.tokens for each in pieces) + packing.context_tokens(pieces[0]) + self._fixed
        return self._measure.whole(context_of(pieces[0]), section.text_between(pieces[0].start, pieces[-1].end))


def context_of(first: Piece) -> str:
    """The header row that a chunk beginning with `first` carries."""
    return first.note.header if first.headed else ""
