"""The special tokens that a tokenizer puts around a text or a pair: found once, so that no text pays for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

_PROBE = "a"


@dataclass(frozen=True)
class Frame:
    """What goes before and after a text's ids, and the token types of the three."""

    before: list[int]
    after: list[int]
    types_before: list[int]
    type_of_text: int
    types_after: list[int]

    @property
    def length(self) -> int:
        """Tokens that it adds."""
        return len(self.before) + len(self.after)

    def around(self, ids: list[int]) -> list[int]:
        """The ids with what belongs around them."""
        return self.before + ids + self.after

    def types(self, count: int) -> list[int] | None:
        """Types of a text of so many tokens with what belongs around it; None where all are 0."""
        if self.type_of_text == 0 and not any(self.types_before) and not any(self.types_after):
            return None
        return self.types_before + [self.type_of_text] * count + self.types_after


@dataclass(frozen=True)
class PairFrame:
    """What goes before, between and after the ids of a pair."""

    first: Frame
    second: Frame

    @property
    def length(self) -> int:
        """Tokens that it adds."""
        return self.first.length + self.second.length

    def begun_with(self, ids: list[int]) -> Frame:
        """The frame of all pairs that begin with this text."""
        types = self.first.types_before + [self.first.type_of_text] * len(ids) + self.first.types_after
        before = self.first.around(ids) + self.second.before
        return Frame(
            before, self.second.after, types + self.second.types_before, self.second.type_of_text,
            self.second.types_after,
        )  # fmt: skip


def frame_of_a_text(tokenizer: Any) -> Frame:
    """What `tokenizer` puts around one text."""
    [before, _, after], [types, text, later] = _runs(tokenizer.encode(_PROBE))
    return Frame(before, after, types, text[0], later)


def frame_of_a_pair(tokenizer: Any) -> PairFrame:
    """What `tokenizer` puts around, and between, two texts."""
    [before, _, between, _, after], [types, first, middle, second, later] = _runs(tokenizer.encode(_PROBE, _PROBE))
    return PairFrame(Frame(before, between, types, first[0], middle), Frame([], after, [], second[0], later))


def _runs(encoding: Any) -> tuple[list[list[int]], list[list[int]]]:
    """Ids and types, in runs: special tokens (or none), a text, special tokens ... ."""
    sequences: Sequence[int | None] = encoding.sequence_ids
    found = [list(run) for _, run in groupby(range(len(sequences)), lambda place: sequences[place])]
    runs: list[list[int]] = [] if found and sequences[found[0][0]] is None else [[]]
    for run in found:
        # Two texts with nothing between them.
        if len(runs) % 2 == 0 and sequences[run[0]] is not None:
            runs.append([])
        runs.append(run)
    if len(runs) % 2 == 0:
        runs.append([])
    return (
        [[encoding.ids[place] for place in run] for run in runs],
        [[encoding.type_ids[place] for place in run] for run in runs],
    )
