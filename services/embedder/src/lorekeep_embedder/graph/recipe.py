"""What the registry asks of a graph, beside what the model's own files say."""

import dataclasses
import json
from dataclasses import dataclass

from lorekeep_embedder.models.registry import ModelSpec

FLOAT32, INT8 = "float32", "int8"


@dataclass(frozen=True)
class Recipe:
    """What goes on top of the encoder. It travels to the builder as JSON, and its JSON names the file that it makes."""

    window_tokens: int
    dimensions: int
    pooling: str = "mean"
    normalise: bool = True
    kind: str = "embedder"
    sparse: bool = False
    precision: str = FLOAT32

    @classmethod
    def of(cls, spec: ModelSpec, precision: str = FLOAT32) -> "Recipe":
        """The recipe of a registry's entry, its weights kept as float32 or as int8."""
        named = {
            field.name: getattr(spec, field.name) for field in dataclasses.fields(cls) if hasattr(spec, field.name)
        }
        return cls(**{**named, "precision": precision})

    @classmethod
    def of_json(cls, text: str) -> "Recipe":
        """The recipe that `as_json` wrote."""
        return cls(**json.loads(text))

    def as_json(self) -> str:
        """The same text for the same recipe."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)
