"""What `bench.gpu` measures: one model on one device, and the texts that it reads."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch

from lorekeep_embedder.backends.seam import Outputs, Tokens
from lorekeep_embedder.backends.torch.backend import TorchBackend
from lorekeep_embedder.backends.torch.models import Form
from lorekeep_embedder.models import model_files, registry
from lorekeep_embedder.texts.tokenizer import Tokenizer

_DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True)
class Effort:
    """How much is measured, and the name under which it is kept: a small run overwrites no figures."""

    report: str
    texts: int
    rounds: int
    matrix: int
    budgets: tuple[int, ...]
    queries: int


_WHOLE = Effort("gpu", 20_000, 5, 8192, (1024, 2048, 4096, 8192, 12_288, 16_384, 32_768, 65_536), 200)
_SMALL = Effort("gpu-small", 12, 1, 128, (256,), 3)


class MeasuredBackend(TorchBackend):
    """Also ends its memory at `room` padded tokens, where the device has no bound that can be set."""

    room: int | None = None

    def _run(self, batch: Sequence[Tokens]) -> Outputs:
        if self.room is not None and len(batch) * max(map(len, batch)) > self.room:
            raise torch.OutOfMemoryError("simulated")
        return super()._run(batch)


class Subject:
    """One model on one device."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.effort = _SMALL if arguments.small else _WHOLE
        models = registry.load()
        self.spec = models[arguments.model or next(iter(models))]
        self.folder = model_files.verified(self.spec, arguments.models_path).folder
        self.backend = MeasuredBackend(
            self.folder,
            Form.of(self.spec),
            device=arguments.device,
            precision=arguments.precision,
            compiled=arguments.compile,
        )
        self.tokenizer = Tokenizer(self.spec, self.folder)
        self.texts = list(_passages(self.effort.texts))

    def tokens_of(self, texts: Sequence[str]) -> list[Tokens]:
        """The ids of texts."""
        return self.tokenizer.tokenised(texts, truncate=True).texts

    def whole_batch(self, budget: int, length: int = 128) -> list[Tokens]:
        """Texts of `length` tokens that use up a budget."""
        text = self.tokens_of(["word " * 2 * length])[0]
        return [Tokens(text.ids[:length])] * max(1, budget // length)


def _passages(count: int) -> Iterator[str]:
    """Texts of 20 to 250 words, cut from the house's own pages: chunks as they come, with the same seed each time."""
    words = " ".join(path.read_text() for path in sorted(_DOCS.glob("*.md"))).split()
    chance = Random(1)
    for _ in range(count):
        begin = chance.randrange(len(words) - 250)
        yield " ".join(words[begin : begin + chance.randint(20, 250)])
