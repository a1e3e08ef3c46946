"""Our tokeniser and backend alone, in a child: `python -m bench.embedder.in_process`, commands by lines.

It reads the embedder's settings, so it opens the backend that the server beside it opened.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from bench.embedder.worker import answer_lines, counted
from lorekeep_chassis.settings import load
from lorekeep_embedder.backends import choice
from lorekeep_embedder.backends.seam import Backend, Tokens, Vectors
from lorekeep_embedder.models import model_files, registry
from lorekeep_embedder.settings import EmbedderSettings
from lorekeep_embedder.texts.tokenizer import Tokenizer

_ALONE = 48


class Alone:
    """A tokeniser and a backend, and what is asked of them."""

    def __init__(self, tokenizer: Tokenizer, backend: Backend) -> None:
        self._tokenizer = tokenizer
        self._backend = backend

    def rate(self, texts: list[str], waiting: int, batch_texts: float, seconds: float) -> dict[str, Any]:
        """Tokenises as many texts as wait at a server, cuts batches of near-equal length from them, computes those."""

        def compute(number: int) -> int:
            at = number * waiting % max(1, len(texts) - waiting + 1)
            tokens = self._tokenizer.tokenised(texts[at : at + waiting], truncate=False).texts
            for batch in batches(tokens, batch_texts):
                self._backend.compute(batch)
            return len(tokens)

        compute(0)
        return counted(compute, seconds)

    def invariance(self, texts: list[str]) -> dict[str, Any]:
        """The most that a number of a vector moves when its text is computed with others instead of alone.

        Others are of its length, of any length, and longer than all, at several sizes, each text at several places.
        """
        tokens = self._tokenizer.tokenised(texts, truncate=True).texts
        some = tokens[:: max(1, len(tokens) // _ALONE)]
        alone = np.concatenate([self._computed([each]) for each in some])
        longest = max(tokens, key=len)
        orders = (list(range(len(some))), sorted(range(len(some)), key=lambda each: len(some[each])))
        moved = 0.0
        for order in orders:
            for size in (2, 3, 8, 16, 32):
                for at in range(0, len(order), size):
                    places = order[at : at + size]
                    batch = [some[each] for each in places]
                    for mates in ([], [longest]):
                        found = self._computed([*mates, *batch])[len(mates) :]
                        moved = max(moved, float(np.abs(found - alone[places]).max()))
        return {"difference": moved}

    def _computed(self, batch: Sequence[Tokens]) -> Vectors:
        return np.array(self._backend.compute(batch).vectors)


def batches(tokens: Sequence[Tokens], batch_texts: float) -> Iterator[list[Tokens]]:
    """Texts in the order of their lengths, cut so that batches have so many texts on average."""
    ordered = sorted(tokens, key=len)
    count = max(1, round(len(ordered) / batch_texts))
    ends = [round(number * len(ordered) / count) for number in range(count + 1)]
    return (ordered[begin:end] for begin, end in pairwise(ends) if end > begin)


def main() -> None:
    """Opens what the settings name and answers."""
    settings = load(EmbedderSettings, "embedder", os.environ)
    spec = registry.load()[settings.embedding_model]
    folder = model_files.verified(spec, settings.models_path).folder
    backend = choice.opened(choice.planned(settings), spec, folder, settings.models_path)
    alone = Alone(Tokenizer(spec, folder), backend)
    answer_lines({"rate": alone.rate, "invariance": alone.invariance}, sys.stdin)


if __name__ == "__main__":
    main()
