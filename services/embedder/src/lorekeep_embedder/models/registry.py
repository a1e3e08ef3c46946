"""The registry of models: what is known of each, from the package's models.yaml and an operator's own."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from lorekeep.embedder.v1 import embedder_pb2

OWN_MODELS = "models.yaml"
_OWN_MODELS_MAX_BYTES = 1024 * 1024
_RESERVED = ("graphs",)
_DISTANCES = {
    "cosine": embedder_pb2.DISTANCE_COSINE,
    "dot": embedder_pb2.DISTANCE_DOT,
    "": embedder_pb2.DISTANCE_UNSPECIFIED,
}
_KINDS = {"embedder": embedder_pb2.MODEL_KIND_EMBEDDER, "reranker": embedder_pb2.MODEL_KIND_RERANKER}

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]
Repository = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})?$")]
Revision = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40})?$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
Prompt = Annotated[str, StringConstraints(max_length=1000)]


class RegistryError(ValueError):
    """A registry file that cannot be used; the message names the file, the entry and the field."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ModelSpec:
    """One model. `dimensions` are numbers a vector, `window_tokens` counts special tokens too.

    `repository` and `revision` say where its files come from: a repository of the hub and one commit of it.
    `weights_sha256` pins model.safetensors where it is known beforehand; where it is empty, the lock that the first
    pull writes pins it. A reranker has no distance. ValueError where the entry asks for what no backend computes.
    """

    name: Name
    dimensions: Annotated[int, Field(ge=1, le=65_536)]
    window_tokens: Annotated[int, Field(ge=8, le=1_048_576)]
    kind: Literal["embedder", "reranker"] = "embedder"
    repository: Repository = ""
    revision: Revision = ""
    package: Annotated[str, StringConstraints(pattern=r"^\w*$")] = ""
    weights_sha256: Sha256 = ""
    pooling: Literal["mean", "cls", "last"] = "mean"
    normalise: bool = True
    distance: Literal["cosine", "dot", ""] = "cosine"
    query_prompt: Prompt = ""
    passage_prompt: Prompt = ""
    matryoshka_dimensions: tuple[Annotated[int, Field(ge=1)], ...] = ()
    sparse: bool = False
    licence: str = ""
    speed: str = ""
    quality: str = ""
    use_case: str = ""

    def __post_init__(self) -> None:
        if self.name in _RESERVED:
            raise ValueError(f"name: {self.name} is a directory of its own below the models' path; take another")
        if bool(self.repository) != bool(self.revision):
            raise ValueError("revision: give the commit to fetch together with the repository, or neither")
        if (self.kind == "reranker") != (self.distance == ""):
            raise ValueError("distance: cosine or dot for an embedder, empty for a reranker")
        if self.distance == "cosine" and not self.normalise:
            raise ValueError("normalise: true for cosine, whose vectors are of length 1")
        if list(self.matryoshka_dimensions) != sorted(set(self.matryoshka_dimensions), reverse=True):
            raise ValueError("matryoshka_dimensions: each once, descending")
        if self.matryoshka_dimensions and self.matryoshka_dimensions[0] > self.dimensions:
            raise ValueError(f"matryoshka_dimensions: at most the model's own {self.dimensions}")

    @property
    def proto_distance(self) -> embedder_pb2.Distance:
        """How its vectors are compared, as the contract says it."""
        return _DISTANCES[self.distance]

    @property
    def proto_kind(self) -> embedder_pb2.ModelKind:
        """What it does, as the contract says it."""
        return _KINDS[self.kind]

    def prompt(self, purpose: embedder_pb2.Purpose) -> str:
        """What goes in front of a text of that purpose; empty for most models."""
        return self.query_prompt if purpose == embedder_pb2.PURPOSE_QUERY else self.passage_prompt

    def locked(self, weights_sha256: str) -> "ModelSpec":
        """The same model with its weights pinned to what lies on this machine."""
        return dataclasses.replace(self, weights_sha256=weights_sha256)

    def fingerprint(self, tokenizer_fingerprint: str, precision: str) -> str:
        """SHA-256, in hex, over everything that moves a vector: 64 digits.

        The backend is left out on purpose. Every backend passes one conformance suite that holds its vectors to a
        cosine of 0.9999 or more with the same oracle, so two backends of one precision differ by rounding alone, and
        an index that one of them filled can be asked by the other: an operator moves from CPU to GPU without
        embedding anything again. Precision is part of it, since bfloat16 or int8 move vectors by more than that.

        The hub's commit is left out too: the weights' own hash says more, and stays where only a README changed.
        """
        if not self.weights_sha256:
            raise ValueError(f"{self.name} has no fingerprint before its weights are known")
        facts = {
            "model": self.name,
            "revision": self.weights_sha256,
            "tokenizer": tokenizer_fingerprint,
            "precision": precision,
            "prompts": [self.query_prompt, self.passage_prompt],
            "pooling": self.pooling,
            "normalise": self.normalise,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


_SPEC = TypeAdapter(ModelSpec)


def load(models_path: str = "") -> dict[str, ModelSpec]:
    """The registry by name, the default first, then models.yaml in `models_path`, whose entries go before ours.

    RegistryError names everything that is wrong with a file at once.
    """
    ours = resources.files(__package__).joinpath("models.yaml").read_text(encoding="utf-8")
    known = _by_name("models.yaml", ours)
    own = Path(models_path) / OWN_MODELS
    if models_path and own.is_file():
        known |= _by_name(str(own), _text_of(own))
    return known


def find(models: Mapping[str, ModelSpec], name: str) -> ModelSpec | None:
    """The model that a name means: its own name or its repository's, each with or without the owner."""
    return models.get(name) or next((spec for spec in models.values() if name in _names(spec)), None)


def _names(spec: ModelSpec) -> set[str]:
    """bge-small-en-v1.5 and BAAI/bge-small-en-v1.5; cross-encoders are written `L-6` and `L6` alike."""
    owner, _, bare = spec.repository.rpartition("/")
    plain = {spec.name, bare} - {""}
    plain |= {re.sub(r"-L-(\d)", r"-L\1", each) for each in plain}
    qualified = {f"{owner}/{each}" for each in plain} if owner else set()
    return plain | qualified


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > _OWN_MODELS_MAX_BYTES:
            raise RegistryError(f"{path} is over 1 MiB, which no list of models is.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path} cannot be read: {error}") from None


def _by_name(source: str, text: str) -> dict[str, ModelSpec]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RegistryError(f"{source} is not YAML: {error}") from None
    entries = document.get("models") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise RegistryError(f"{source}: it must hold a list named `models`.")
    specs, problems = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            specs.append(_SPEC.validate_python(entry))
        except ValidationError as error:
            problems += _problems(number, entry, error)
    problems += [f"{name} is there twice" for name in _repeated(spec.name for spec in specs)]
    if problems:
        raise RegistryError("\n".join([f"{source} cannot be used:", *(f"  {each}" for each in problems)]))
    return {spec.name: spec for spec in specs}


def _problems(number: int, entry: Any, error: ValidationError) -> list[str]:
    """One line a problem: the entry by number and name, the field, what is wrong."""
    name = entry.get("name") if isinstance(entry, dict) else None
    place = f"entry {number} ({name})" if name else f"entry {number}"
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        field = ".".join(map(str, each["loc"]))
        what = each["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {field}: {what}" if field else f"{place}: {what}")
    return lines


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
