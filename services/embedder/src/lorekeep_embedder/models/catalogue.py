"""The models whose files are on this machine, loaded or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.errors import ModelMismatch, NotFound
from lorekeep_embedder.models.descriptions import described
from lorekeep_embedder.models.model_files import TOKENIZER, ModelFiles
from lorekeep_embedder.models.registry import ModelSpec

Kind = Literal["embedder", "reranker"]


class Held(Protocol):
    """A loaded model, as far as the shelf cares."""

    memory_bytes: int
    description: embedder_pb2.Model

    def close(self) -> None:
        """Gives its memory back."""


ModelT_co = TypeVar("ModelT_co", bound=Held, covariant=True)


class Source(Protocol[ModelT_co]):
    """Where models come from; see `Stock`."""

    @property
    def precisions(self) -> Sequence[str]:
        """Those that are computed here, the default first."""

    def specs(self) -> Sequence[ModelSpec]:
        """All models, the order in which they are listed."""

    def spec(self, name: str) -> ModelSpec | None:
        """The model that a name means."""

    def found(self, spec: ModelSpec) -> ModelFiles | None:
        """Its files where they are here; quick."""

    def opened(self, spec: ModelSpec, precision: str) -> ModelT_co:
        """Loads and warms it; called in a thread."""


@dataclass(frozen=True)
class _Runs:
    name: str
    precision: str
    device: str


class Catalogue:
    """Answers from the registry and from files alone; its methods read files, so they are called in a thread."""

    def __init__(self, source: Source[Held]) -> None:
        self._source = source

    def spec(self, name: str, kind: Kind | None) -> ModelSpec:
        """The model of a kind, None for any, that a name means; NotFound with the names that there are."""
        spec = self._source.spec(name)
        if spec and kind in (None, spec.kind):
            return spec
        names = ", ".join(spec.name for spec in self._source.specs() if kind in (None, spec.kind))
        raise NotFound(
            f"The registry has no {kind or 'model'} of that name; it has {names}.",
            reason="model_not_found",
            field="model",
        )

    def precision(self, spec: ModelSpec, expected_fingerprint: str) -> str | None:
        """The precision in which it has the fingerprint, the default one for an empty fingerprint.

        None where its files are not here, so that nobody can tell; ModelMismatch where it has it in none.
        """
        default = self._source.precisions[0]
        if not expected_fingerprint:
            return default
        files = self._source.found(spec)
        if files is None:
            return None
        tokenizer = files.tokenizer_fingerprint
        for precision in self._source.precisions:
            if files.spec.fingerprint(tokenizer, precision) == expected_fingerprint:
                return precision
        served = files.spec.fingerprint(tokenizer, default)
        raise ModelMismatch(
            f"{spec.name} is served here with the fingerprint {served[:12]}, not {expected_fingerprint[:12]}: its "
            "vectors do not mix with yours. Index again, or serve the former model."
        )

    def first(self, kind: Kind) -> str | None:
        """Name of the first model of a kind whose files are here."""
        here = (spec.name for spec in self._source.specs() if spec.kind == kind and self._source.found(spec))
        return next(here, None)

    def listed(self, default: embedder_pb2.Model, loaded: Mapping[str, embedder_pb2.Model]) -> list[embedder_pb2.Model]:
        """The default, then all others that are loaded or whose files are here."""
        listed = [default]
        for spec in self._source.specs():
            if spec.name == default.name:
                continue
            files = None if spec.name in loaded else self._source.found(spec)
            if spec.name in loaded:
                listed.append(loaded[spec.name])
            elif files:
                runs = _Runs(default.backend, self._source.precisions[0], default.device)
                listed.append(described(files.spec, files.tokenizer_fingerprint, runs, loaded=False))
        return listed

    def tokenizer(self, fingerprint: str) -> bytes:
        """The tokenizer.json of that fingerprint; NotFound where no model here has it."""
        for spec in self._source.specs():
            files = self._source.found(spec)
            if files and files.tokenizer_fingerprint == fingerprint:
                return (files.folder / TOKENIZER).read_bytes()
        raise NotFound(
            "No model here has a tokenizer of that fingerprint. Take it from ListModels.", reason="tokenizer_not_found"
        )
