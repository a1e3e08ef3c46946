"""What is embedded: chunks and queries of the judged collection of the tests, at realistic lengths."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.e2e.suite import DATA

from lorekeep_chassis.calls import Lane
from lorekeep_embedder.models import model_files, registry
from lorekeep_embedder.texts.tokenizer import Tokenizer

_FOLDER = DATA / "ir" / "scifact-mini"
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_SHORTEST_CHUNK, _QUERY_TOKENS, _SPECIAL_TOKENS = 40, range(8, 21), 2


@dataclass(frozen=True)
class Workload:
    """Texts, as they are asked for: `request_texts` a request, all of them on a lane."""

    name: str
    texts: Sequence[str]
    tokens: Sequence[int]
    request_texts: int
    lane: Lane

    def requests(self) -> Iterator[Sequence[str]]:
        """Requests without end, in the same order each time."""
        at = 0
        while True:
            yield self.texts[at : at + self.request_texts]
            at = (at + self.request_texts) % (len(self.texts) - self.request_texts + 1)

    def flops_a_text(self, config: dict[str, Any]) -> float:
        """Floating-point operations of the model for a text of this workload, on average, padding not counted.

        With n tokens, h numbers a token, i numbers in between and l layers a text costs
        l * (2n(4h² + 2hi) + 4n²h): query, key, value and output, both feed-forward layers, then the products of
        attention. Embeddings, norms, GELU and softmax are not counted: they are no matrix products.
        """
        hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
        linear = 2.0 * (4 * hidden * hidden + 2 * hidden * inner)
        flops: float = sum(layers * (linear * n + 4.0 * n * n * hidden) for n in self.tokens)
        return flops / len(self.tokens)


@dataclass(frozen=True)
class Model:
    """The model that all contenders serve."""

    name: str
    folder: Path
    config: dict[str, Any]
    tokenizer: Tokenizer
    window_tokens: int

    @classmethod
    def default(cls) -> "Model":
        """The first of the registry."""
        spec = next(iter(registry.load().values()))
        folder = model_files.verified(spec, "").folder
        config = json.loads((folder / "config.json").read_text())
        return cls(spec.name, folder, config, Tokenizer(spec, folder), spec.window_tokens)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special ones included."""
        return [len(each) for each in self.tokenizer.tokenised(texts, truncate=True).texts]

    def cut(self, texts: Sequence[str]) -> list[str]:
        """Each text by whole sentences to what the window holds, so that nobody truncates it in a way of its own."""
        return [next(_packed(self, text), text) for text in texts]


def chunks(model: Model) -> Workload:
    """Whole sentences of abstracts, packed to the window: 188 tokens on average, 40 to 256."""
    found: list[str] = []
    for document in documents():
        found += _packed(model, document["text"])
    lengths = dict(zip(found, model.lengths(found), strict=True))
    return _shuffled("chunks", [(text, n) for text, n in lengths.items() if n >= _SHORTEST_CHUNK], 32, Lane.BULK)


def queries(model: Model) -> Workload:
    """Claims and titles of 8 to 20 tokens, one a request."""
    texts = [each["text"] for each in claims()] + [each["title"] for each in documents()]
    lengths = dict(zip(texts, model.lengths(texts), strict=True))
    return _shuffled("queries", [(text, n) for text, n in lengths.items() if n in _QUERY_TOKENS], 1, Lane.INTERACTIVE)


def documents() -> list[dict[str, Any]]:
    """The judged collection: `_id`, `title`, `text`."""
    return [json.loads(line) for line in (_FOLDER / "corpus.jsonl").read_text().splitlines()]


def claims() -> list[dict[str, Any]]:
    """Its queries: `_id`, `text`."""
    return [json.loads(line) for line in (_FOLDER / "queries.jsonl").read_text().splitlines()]


def _packed(model: Model, text: str) -> Iterator[str]:
    """A sentence that is longer than the window is left out."""
    sentences = [each for each in _SENTENCES.split(text) if each.strip()]
    whole = model.window_tokens - _SPECIAL_TOKENS
    kept: list[str] = []
    room = whole
    for sentence, length in zip(sentences, model.lengths(sentences), strict=True):
        own = length - _SPECIAL_TOKENS
        if own >= whole:
            continue
        if own > room:
            yield " ".join(kept)
            kept, room = [], whole
        kept.append(sentence)
        room -= own
    if kept:
        yield " ".join(kept)


def _shuffled(name: str, pairs: list[tuple[str, int]], request_texts: int, lane: Lane) -> Workload:
    Random(1).shuffle(pairs)
    return Workload(name, [text for text, _ in pairs], [length for _, length in pairs], request_texts, lane)
