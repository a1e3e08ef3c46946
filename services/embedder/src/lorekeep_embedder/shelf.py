"""The models that this process can name, and those that are loaded."""

from lorekeep_chassis.errors import NotFound, Unavailable
from lorekeep_embedder.model import LoadedModel


class Shelf:
    """Models by name. `default` answers where a caller names none."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._loaded: dict[str, LoadedModel] = {}

    def put(self, model: LoadedModel) -> None:
        """Makes a model available."""
        self._loaded[model.spec.name] = model

    def named(self, name: str) -> LoadedModel:
        """The model of that name, the default for an empty one; NotFound, or Unavailable while it loads."""
        wanted = name or self._default
        if wanted in self._loaded:
            return self._loaded[wanted]
        if wanted == self._default:
            raise Unavailable("The model is still loading. Try again shortly.", retry_after_seconds=1.0)
        raise NotFound(
            f"No model is served here under that name; this embedder serves {self._default}.", reason="model_not_found"
        )

    def reranker(self, name: str, default: str) -> LoadedModel:
        """The model of that name; for an empty one the default, which is the first reranker where it is empty too.

        NotFound `reranker_missing` where there is none, and for any name where the default is `off`.
        """
        if default == "off":
            raise NotFound(
                "Reranking is turned off here. Search without it, or set LOREKEEP_RERANK_MODEL to a reranker.",
                reason="reranker_missing",
            )
        if name or default:
            return self.named(name or default)
        for model in self._loaded.values():
            if model.spec.kind == "reranker":
                return model
        raise NotFound(
            "No reranker is installed here. Search without reranking, or install one of `lorekeep models list`.",
            reason="reranker_missing",
        )

    def models(self) -> list[LoadedModel]:
        """All models, the default first; Unavailable while it loads."""
        default = self.named("")
        return [default, *(model for model in self._loaded.values() if model is not default)]

    def with_tokenizer(self, fingerprint: str) -> LoadedModel:
        """A model with that tokenizer; NotFound where none has it."""
        for model in self.models():
            if model.tokenizer.fingerprint == fingerprint:
                return model
        raise NotFound(
            "No model here has a tokenizer of that fingerprint. Take it from ListModels.", reason="tokenizer_not_found"
        )
