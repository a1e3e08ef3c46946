"""How a collection's documents are cut: what was asked for, what follows where nothing was, what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors
from lorekeep_gateway.settings import StoreSettings

STRATEGIES = ("by_title", "recursive", "fixed", "markdown", "semantic", "hierarchical")
LEAST_TOKENS = 16
MOST_TOKENS = 2048
PRESETS = {"quality": 1024}

Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Chunking:
    """The strategy and the sizes in tokens that hold."""

    strategy: str
    max_tokens: int
    overlap_tokens: int
    min_tokens: int

    def options(self, tokenizer_fingerprint: str, prefix: str) -> parser_pb2.ChunkOptions:
        """As the parser takes it, for a model of that tokenizer and that prompt before each passage."""
        return parser_pb2.ChunkOptions(
            max_tokens=self.max_tokens,
            overlap_tokens=self.overlap_tokens,
            min_tokens=self.min_tokens,
            tokenizer_fingerprint=tokenizer_fingerprint,
            strategy=f"CHUNK_STRATEGY_{self.strategy.upper()}",
            prefix=prefix,
        )

    def check(self, asked: Asked, model: embedder_pb2.Model) -> None:
        """UnprocessableInput where sizes do not go together, or chunks would be longer than the model takes: nothing is
        cut silently."""
        if self.max_tokens > model.window_tokens:
            field = "max_tokens" if asked.get("max_tokens") else "preset"
            raise errors.UnprocessableInput(
                f"Chunks of {self.max_tokens} tokens do not fit into the model {model.name}, which takes "
                f"{model.window_tokens}. Ask for at most {model.window_tokens}, or leave it out.",
                reason="chunk_exceeds_window",
                field=f"chunking.{field}",
            )
        if 2 * self.overlap_tokens >= self.max_tokens:
            raise errors.UnprocessableInput(
                f"The overlap is less than half of a chunk: at most {(self.max_tokens - 1) // 2} of "
                f"{self.max_tokens} tokens.",
                field="chunking.overlap_tokens",
            )
        if self.min_tokens > self.max_tokens:
            raise errors.UnprocessableInput(
                f"A chunk has at most {self.max_tokens} tokens. Join those below a smaller number.",
                field="chunking.min_tokens",
            )


@dataclass(frozen=True)
class Defaults:
    """What an installation cuts by where a collection asks for nothing."""

    max_tokens: int
    overlap_tokens: int
    min_tokens: int

    @classmethod
    def of_settings(cls, settings: StoreSettings) -> "Defaults":
        """As the settings say; without merging, a single token is long enough to stand alone."""
        least = settings.chunk_min_tokens if settings.chunk_merge_peers else 1
        return cls(settings.chunk_max_tokens, settings.chunk_overlap_tokens, least)

    def resolved(self, asked: Asked, window_tokens: int | None) -> Chunking:
        """What holds for a model of that window, None where it is not known. A default never breaks a rule; what was
        asked for may, see `Chunking.check`."""
        most = asked_tokens(asked) or min(self.max_tokens, window_tokens or self.max_tokens)
        overlap, least = asked.get("overlap_tokens"), asked.get("min_tokens")
        return Chunking(
            asked.get("strategy") or STRATEGIES[0],
            most,
            min(self.overlap_tokens, (most - 1) // 2) if overlap is None else overlap,
            max(min(self.min_tokens, most // 4), 1) if least is None else least,
        )


def sizes_asked(asked: Asked) -> bool:
    """Whether something was asked for that may not suit the model."""
    return any(asked.get(name) for name in ("preset", "max_tokens", "overlap_tokens", "min_tokens"))


def asked_tokens(asked: Asked) -> int | None:
    """The longest chunk that was asked for, by number or by preset; None where the model decides."""
    tokens: int | None = asked.get("max_tokens") or PRESETS.get(asked.get("preset") or "")
    return tokens


def merged(asked: Asked, change: Asked) -> dict[str, Any]:
    """What is asked for after a change: null takes back what was asked, what is left out stays, and a preset takes the
    place of a size."""
    if change.get("preset"):
        change = {"max_tokens": None, **change}
    return {name: value for name, value in {**asked, **change}.items() if value is not None}
