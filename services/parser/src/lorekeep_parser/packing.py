"""Where to cut: the one decision of the chunker, as a function of the open pieces."""

from collections.abc import Sequence
from dataclasses import dataclass

from lorekeep_parser.pieces import Piece

_COST_UNDERSIZED = 0.5


@dataclass(frozen=True)
class Sizes:
    """`capacity` is a chunk's size in tokens without special ones; the others as in ChunkOptions."""

    capacity: int
    overlap: int
    least: int

    @property
    def lookahead(self) -> int:
        """Tokens that are held before a chunk is cut off, so that the last two of a section can share evenly."""
        return 2 * self.capacity


def room(pieces: Sequence[Piece], sizes: Sizes) -> int:
    """Tokens that a chunk beginning with these pieces may hold beside its context."""
    return sizes.capacity - context_tokens(pieces[0])


def context_tokens(first: Piece) -> int:
    """Tokens of the context that a chunk beginning with `first` carries."""
    return first.note.header_tokens if first.headed else 0


def best_cut(pieces: Sequence[Piece], fresh: int, sizes: Sizes, final: bool) -> int:
    """How many pieces the next chunk takes: at least one behind the first `fresh`, which repeat the chunk before.

    0 where even that would overflow. `final`: no more pieces of this section will come.
    """
    limit, total = room(pieces, sizes), sum(each.weight for each in pieces)
    if final and total <= limit:
        return len(pieces)
    # Near the end of a section what is left is shared evenly; else a chunk is filled.
    target = total / -(-total // limit) if final else limit
    best, best_score, taken = 0, float("inf"), 0
    for index, piece in enumerate(pieces):
        taken += piece.weight
        if taken > limit:
            break
        if index < fresh:
            continue
        score = abs(taken - target) / limit + piece.cost
        score += _COST_UNDERSIZED * (taken < sizes.least) + _COST_UNDERSIZED * (final and total - taken < sizes.least)
        if score <= best_score:
            best, best_score = index + 1, score
    return best


def overlapping(pieces: Sequence[Piece], taken: int, sizes: Sizes) -> int:
    """How many of the `taken` pieces the next chunk repeats: whole ones, prose only, never the chunk's beginning."""
    count, tokens = 0, 0
    for piece in reversed(pieces[1:taken]):
        tokens += piece.weight
        if tokens > sizes.overlap or piece.headed or piece.heading:
            break
        count += 1
    return count
