"""The ONNX graph of a model: built once, by a child process, and kept on disk."""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib import util
from pathlib import Path

from lorekeep_chassis import logs
from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import places
from lorekeep_embedder.graph.recipe import Recipe
from lorekeep_embedder.models.registry import ModelSpec

_LOG = logs.logger(__name__)
_BUILDER = "lorekeep_embedder.graph"
_BUILD_SECONDS = 300
# Files beside the weights that a graph is made of, where a model has them.
_READ = ("config.json", "modules.json", "tokenizer.json", "sparse_linear.pt", "1_SpladePooling/config.json")


def graph_of(spec: ModelSpec, folder: Path, models_path: str, recipe: Recipe | None = None) -> Path:
    """The graph of the model in `folder`, built where it is not there yet; Unavailable, with what to do, where it
    cannot be.

    It lies in `graphs`, in a directory of the model's name, below `models_path` or, where that is not given or cannot
    be written, below the user's cache. Its name carries what it was made from, so that other weights, or another
    builder, make another file; the former one is then removed.
    """
    recipe = recipe or Recipe.of(spec)
    name = Path(spec.name) / f"{recipe.precision}-{_origin(spec, folder, recipe)}.onnx"
    roots = _roots(models_path)
    ready = next((root / name for root in roots if (root / name).is_file()), None)
    return ready or _built(spec, folder, _writable(roots, spec.name) / name.name, recipe)


def _origin(spec: ModelSpec, folder: Path, recipe: Recipe) -> str:
    files = [folder / name for name in _READ]
    parts = [spec.weights_sha256.encode(), recipe.as_json().encode(), *_sources()]
    parts += [file.read_bytes() if file.is_file() else b"" for file in files]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def _sources() -> list[bytes]:
    builder = util.find_spec(_BUILDER)
    folders = (builder.submodule_search_locations or ()) if builder else ()
    return [source.read_bytes() for folder in folders for source in sorted(Path(folder).glob("*.py"))]


def _roots(models_path: str) -> list[Path]:
    return [root / "graphs" for root in ([Path(models_path)] if models_path else []) + [places.cache()]]


def _writable(roots: list[Path], model: str) -> Path:
    for place in (root / model for root in roots):
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place, os.W_OK):
            return place
    raise Unavailable(
        "There is no place to keep the model's graph. Set LOREKEEP_MODELS_PATH to a directory that can be written.",
        reason="models_path_read_only",
    )


def _built(spec: ModelSpec, folder: Path, target: Path, recipe: Recipe) -> Path:
    _LOG.info("building the %s graph of %s, once", recipe.precision, spec.name)
    command = [sys.executable, "-m", _BUILDER, str(folder), str(target), recipe.as_json()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_SECONDS)  # noqa: S603, PLW1510
    except subprocess.TimeoutExpired:
        raise _not_built(spec, f"it took more than {_BUILD_SECONDS} s") from None
    if done.returncode != 0:
        raise _refusal(spec, done)
    _prune(target, recipe)
    return target


def _refusal(spec: ModelSpec, done: "subprocess.CompletedProcess[str]") -> Unavailable:
    """What the builder says, or the last line of what it died of."""
    try:
        said = json.loads(done.stdout)
        return Unavailable(f"{spec.name}: {said['message']}", reason=said["reason"])
    except (ValueError, LookupError, TypeError):
        last = (done.stderr.strip().splitlines() or ["it was killed; give the process more memory"])[-1]
        return _not_built(spec, last)


def _not_built(spec: ModelSpec, why: str) -> Unavailable:
    return Unavailable(f"The graph of {spec.name} could not be built: {why}", reason="graph_not_built")


def _prune(target: Path, recipe: Recipe) -> None:
    """Removes what former weights or builders left; a process that has such a file open keeps its bytes."""
    for former in target.parent.glob(f"{recipe.precision}-*"):
        if former.stem != target.stem:
            with suppress(OSError):
                former.unlink()
