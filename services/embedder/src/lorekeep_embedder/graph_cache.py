"""The ONNX graph of a model: built once, by a child process, and kept on disk."""

import hashlib
import os
import subprocess
import sys
from importlib import util
from pathlib import Path

from lorekeep_chassis import logs
from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder.registry import ModelSpec

_LOG = logs.logger(__name__)
_BUILDER = "lorekeep_embedder.graph"
_BUILD_SECONDS = 300


def graph_of(spec: ModelSpec, folder: Path, models_path: str) -> Path:
    """The graph of the model in `folder`, built where it is not there yet.

    It lies in `graphs` below `models_path`, or, where that is not given or cannot be written, below the user's cache.
    Its name carries what it was made from, so that another model, or another builder, makes another file.
    """
    name = f"{spec.name}-{_origin(spec, folder)}.onnx"
    places = _places(models_path)
    ready = next((place / name for place in places if (place / name).is_file()), None)
    return ready or _built(spec, folder, _writable(places) / name)


def _origin(spec: ModelSpec, folder: Path) -> str:
    builder = util.find_spec(_BUILDER)
    source = Path(builder.origin).read_bytes() if builder and builder.origin else b""
    parts = (spec.weights_sha256.encode(), (folder / "config.json").read_bytes(), source)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def _places(models_path: str) -> list[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "lorekeep"
    return [root / "graphs" for root in ([Path(models_path)] if models_path else []) + [cache]]


def _writable(places: list[Path]) -> Path:
    for place in places:
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


def _built(spec: ModelSpec, folder: Path, target: Path) -> Path:
    _LOG.info("building the graph of %s, once", spec.name)
    command = [sys.executable, "-m", _BUILDER, str(folder), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_SECONDS)  # noqa: S603, PLW1510
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it was killed; give the process more memory"])[-1]
        raise Unavailable(f"The graph of {spec.name} could not be built: {last}", reason="graph_not_built")
    return target
