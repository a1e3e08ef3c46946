"""Chunks cut where the meaning of neighbouring sentences changes most.

Sentences of a section are judged in blocks that are counted from the section's beginning, never from a batch's: what
lies between two of them is how far the mean vectors of the three before and the three behind are apart. A peak that
stands out among a block's distances is a break. A cut goes behind the first break that leaves no side too small, and
where a chunk would get too long without one, behind the largest distance in it.
"""

from collections.abc import Callable, Iterator
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.chunking import packing
from lorekeep_parser.chunking.chunker import MAX_HELD_BYTES, Chunker
from lorekeep_parser.chunking.pieces import STRUCTURE, Piece
from lorekeep_parser.chunking.tokens import Counter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Asks the caller for vectors: 1 to 256 texts, none blank; one row a text.
Vectors = Callable[[list[str]], "NDArray[np.float32]"]

_BLOCK = 128
_SIDE = 3
# Chunks' worth of text that is judged at once where sentences are long.
_BLOCK_CHUNKS = 8
# Distances that differ by less are all the same.
_LEAST_SPREAD = 1e-6
_MOST_COST, _LEAST_COST = 0.35, 0.05
# What a sentence is about shows in its beginning.
_MAX_CHARACTERS = 1024


class SemanticChunker(Chunker):
    """Asks for one vector a sentence. The first `_judged` pieces have their final cost."""

    def __init__(self, options: parser_pb2.ChunkOptions, counter: Counter, vectors: Vectors | None) -> None:
        super().__init__(options, counter, cut=packing.first_break)
        if vectors is None:
            raise InvalidInput("Nobody here gives the vectors that semantic chunks need. Choose another strategy.")
        self._vectors = vectors
        self._judged = 0

    def finish(self) -> Iterator[document_pb2.Chunk]:
        """Judges and closes what is open."""
        if self._worth_asking():
            self._judge(len(self.section.pieces), final=True)
        yield from super().finish()
        self._judged = 0

    def state(self) -> dict[str, Any]:
        """What is open, as JSON."""
        return {**super().state(), "judged": self._judged}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        super().restore(state)
        self._judged = int(state["judged"])

    def _worth_asking(self) -> bool:
        """Whether the rest of a section could be cut anywhere."""
        section = self.section
        return len(section.pieces) - section.fresh > 1 and section.weight >= 2 * self._packer.sizes.least

    def _closed(self, final: bool) -> Iterator[document_pb2.Chunk]:
        while not final and (end := self._block_end()):
            self._judge(end, final=False)
            yield from self._cut_judged()
        if final:
            yield from super()._closed(final)

    def _block_end(self) -> int:
        """Behind the next block's last piece, if the block and what stands behind it is here; 0 else."""
        pieces, weight = self.section.pieces, 0
        for index in range(self._judged, len(pieces) - _SIDE):
            weight += pieces[index].weight
            if index + 1 - self._judged == _BLOCK or weight > _BLOCK_CHUNKS * self._packer.sizes.capacity:
                return index + 1
        return len(pieces) if self._judged < len(pieces) and self.section.held_bytes > MAX_HELD_BYTES else 0

    def _cut_judged(self) -> Iterator[document_pb2.Chunk]:
        """Chunks that cannot reach beyond what is judged."""
        section, most = self.section, self._packer.sizes.capacity
        while section.has_fresh and (self._judged_weight() > most or section.held_bytes > MAX_HELD_BYTES):
            count = len(section.pieces)
            yield from self._chunks(self._packer.taken(section, final=False))
            self._judged = max(0, self._judged - count + len(section.pieces))

    def _judged_weight(self) -> int:
        return sum(each.weight for each in self.section.pieces[: self._judged])

    def _judge(self, end: int, final: bool) -> None:
        """Sets the costs of cuts behind the pieces up to `end`, but for the last of all, behind which is nothing."""
        pieces, first = self.section.pieces, self._judged
        begin, last = max(0, first - _SIDE + 1), min(end, len(pieces) - 1)
        context = pieces[begin : end + _SIDE]
        rows = self._asked(context)
        distances = [_distance(rows, place - begin) for place in range(first, last)]
        for piece, cost in zip(pieces[first:last], _costs(distances), strict=True):
            if piece.cost < STRUCTURE.introduction:
                piece.cost = cost
        self._judged = end

    def _asked(self, pieces: list[Piece]) -> "NDArray[np.float64]":
        """Vectors of the pieces, each as long as the piece is heavy."""
        import numpy as np

        texts = [self.section.text_between(each.start, each.end).strip()[:_MAX_CHARACTERS] for each in pieces]
        rows = np.nan_to_num(self._vectors(texts).astype(np.float64))
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        weights = np.array([[each.weight] for each in pieces])
        return np.asarray(rows / np.where(lengths > 0, lengths, 1) * weights, np.float64)


def _distance(rows: "NDArray[np.float64]", place: int) -> float:
    """How far the sentences up to a place are apart from those behind it: 0 to 2."""
    import numpy as np

    left = rows[max(0, place - _SIDE + 1) : place + 1].sum(axis=0)
    right = rows[place + 1 : place + 1 + _SIDE].sum(axis=0)
    lengths = float(np.linalg.norm(left) * np.linalg.norm(right))
    return 1 - float(left @ right) / lengths if lengths else 0.0


def _costs(distances: list[float]) -> list[float]:
    """What a cut at each of the distances costs: nothing at a peak that stands out, less where the distance is more."""
    if not distances:
        return []
    mean, spread = fmean(distances), pstdev(distances)
    order = sorted(range(len(distances)), key=lambda each: -distances[each])
    costs = [0.0] * len(distances)
    for rank, place in enumerate(order):
        peak = distances[place] >= max(distances[max(0, place - 1) : place + 2])
        if not (peak and spread > _LEAST_SPREAD and distances[place] >= mean + spread):
            costs[place] = _LEAST_COST + (_MOST_COST - _LEAST_COST) * rank / len(order)
    return costs
