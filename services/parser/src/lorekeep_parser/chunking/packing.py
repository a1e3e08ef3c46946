"""Where to cut: the one decision of the chunkers, as functions of the open pieces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lorekeep_parser.chunking.pieces import Piece

_COST_UNDERSIZED = 0.5


@dataclass(frozen=True)
class Sizes:
    """`capacity` is a chunk's size without special tokens and prefix; the others as in ChunkOptions."""

    capacity: int
    overlap: int
    least: int


# How many pieces the next chunk takes: at least one behind the first `fresh`, which repeat the chunk before; 0 where
# even that would overflow. Given the pieces, `fresh`, their weight in all, the sizes, and whether no more will come.
Cut = Callable[[Sequence[Piece], int, int, Sizes, bool], int]


def room(pieces: Sequence[Piece], sizes: Sizes) -> int:
    """What a chunk beginning with these pieces may hold beside its context."""
    return sizes.capacity - context_tokens(pieces[0])


def context_tokens(first: Piece) -> int:
    """Tokens of the context that a chunk beginning with `first` carries."""
    return first.note.header_tokens if first.headed else 0


def best_cut(pieces: Sequence[Piece], fresh: int, total: int, sizes: Sizes, final: bool) -> int:
    """A `Cut` that weighs how well the chunk is filled against how much the cut hurts."""
    limit = room(pieces, sizes)
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


def cheapest_cut(pieces: Sequence[Piece], fresh: int, total: int, sizes: Sizes, final: bool) -> int:
    """A `Cut` at the break that costs least, the last of them; behind `least` where there is one."""
    limit = room(pieces, sizes)
    if final and total <= limit:
        return len(pieces)
    best, best_rank, taken = 0, (True, float("inf")), 0
    for index, piece in enumerate(pieces):
        taken += piece.weight
        if taken > limit:
            break
        rank = (taken < sizes.least, piece.cost)
        if index >= fresh and rank <= best_rank:
            best, best_rank = index + 1, rank
    return best


def first_break(pieces: Sequence[Piece], fresh: int, total: int, sizes: Sizes, final: bool) -> int:
    """A `Cut` at the first break that costs nothing and leaves neither side too small; else at the cheapest."""
    limit, taken = room(pieces, sizes), 0
    for index, piece in enumerate(pieces):
        taken += piece.weight
        if taken > limit or (final and total - taken < sizes.least):
            break
        if index >= fresh and taken >= sizes.least and piece.cost <= 0:
            return index + 1
    return cheapest_cut(pieces, fresh, total, sizes, final)


def overlapping(pieces: Sequence[Piece], taken: int, sizes: Sizes) -> int:
    """How many of the `taken` pieces the next chunk repeats: whole ones, prose only, never the chunk's beginning."""
    count, tokens = 0, 0
    for piece in reversed(pieces[1:taken]):
        tokens += piece.weight
        if tokens > sizes.overlap or piece.headed or piece.heading:
            break
        count += 1
    return count
