"""What the shelf is filled from: the registry, the files on this machine, and what this process computes with."""

from collections.abc import Sequence
from functools import cached_property

from lorekeep_embedder.backends import choice
from lorekeep_embedder.models import model_files, registry
from lorekeep_embedder.models.loaded_model import LoadedModel
from lorekeep_embedder.models.model_files import ModelFiles
from lorekeep_embedder.models.registry import ModelSpec
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.settings import EmbedderSettings
from lorekeep_embedder.texts.tokenizer import Tokenizer


class Stock:
    """Models of the registry, opened by a plan for a scheduler."""

    def __init__(self, settings: EmbedderSettings, plan: choice.Plan, scheduler: Scheduler) -> None:
        self._models_path = settings.models_path
        self._specs = registry.load(settings.models_path)
        self._plan = plan
        self._scheduler = scheduler

    @cached_property
    def precisions(self) -> Sequence[str]:
        """What can be computed here, the default first; slow at first on a GPU, and Unavailable where torch lacks."""
        return choice.precisions(self._plan)

    def specs(self) -> Sequence[ModelSpec]:
        """All models of the registry, in its order."""
        return list(self._specs.values())

    def spec(self, name: str) -> ModelSpec | None:
        """The model that a name means; None where the registry has none."""
        return registry.find(self._specs, name)

    def found(self, spec: ModelSpec) -> ModelFiles | None:
        """Its files where they are here, not verified."""
        return model_files.found(spec, self._models_path)

    def opened(self, spec: ModelSpec, precision: str) -> LoadedModel:
        """Verifies, loads and warms the model; slow and blocking."""
        files = model_files.verified(spec, self._models_path)
        backend = choice.opened(self._plan, files.spec, files.folder, self._models_path, precision)
        return LoadedModel(files.spec, Tokenizer(files.spec, files.folder), backend, self._scheduler)
