"""Brings a model onto this machine: fetched beside its place, verified, and put there in one step."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import places
from lorekeep_embedder.models import digests, hub, model_files
from lorekeep_embedder.models.hub import HubError, HubFile
from lorekeep_embedder.models.model_files import LOCK, WEIGHTS, Lock
from lorekeep_embedder.models.registry import ModelSpec

_STAGING = ".pulls"
_SPARE_BYTES = 64 * 1024 * 1024
_MEBIBYTE = 1024 * 1024


def pull(spec: ModelSpec, models_path: str) -> bool:
    """Fetches the model where it is not here, whole, at its pinned commit; False where it is. HubError, else OSError.

    What an interrupted pull fetched is kept and continued by the next one. Two pulls of a model exclude each other.
    """
    root = places.models_root(models_path)
    if not spec.repository:
        raise HubError(f"{spec.name} has no repository to fetch it from: put its files into {root / spec.name}.")
    with _alone(root, spec):
        if _is_here(spec, root):
            return False
        staging = root / _STAGING / f"{spec.name}-{spec.revision[:12]}"
        files = hub.files_of(spec)
        _check_space(root, staging, files)
        for file in files:
            hub.fetch(spec, file, staging / file.name)
        _seal(spec, staging, files)
        _put(staging, root / spec.name)
    return True


def _is_here(spec: ModelSpec, root: Path) -> bool:
    """Whole at this commit, every file read through."""
    folder = root / spec.name
    try:
        lock = Lock.of(folder)
        if lock is None or (lock.repository, lock.revision) != (spec.repository, spec.revision):
            return False
        model_files.verified(spec, str(root)).verify(digests.read)
    except (Unavailable, OSError):
        return False
    return True


def _check_space(root: Path, staging: Path, files: list[HubFile]) -> None:
    come = sum((staging / each.name).stat().st_size for each in files if (staging / each.name).is_file())
    needed = sum(each.size for each in files) - come + _SPARE_BYTES
    free = shutil.disk_usage(root).free
    if free < needed:
        raise HubError(
            f"{needed // _MEBIBYTE} MiB are needed in {root} and {free // _MEBIBYTE} MiB are free. Make room, or set "
            "LOREKEEP_MODELS_PATH to another disk."
        )


def _seal(spec: ModelSpec, staging: Path, files: list[HubFile]) -> None:
    """Only what was asked for goes in, and the lock says what it was."""
    wanted = {staging / each.name for each in files}
    for path in staging.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    found = {each.name: digests.read(staging / each.name) for each in files}
    if spec.weights_sha256 not in ("", found[WEIGHTS]):
        raise HubError(f"{WEIGHTS} of {spec.repository} has SHA-256 {found[WEIGHTS]}, not the pinned one.")
    lock = Lock(spec.repository, spec.revision, found)
    (staging / LOCK).write_text(lock.written() + "\n", encoding="utf-8")


def _put(staging: Path, target: Path) -> None:
    """A model that runs keeps the files that it has open."""
    former = staging.with_name(f"{staging.name}.former")
    shutil.rmtree(former, ignore_errors=True)
    if target.exists():
        target.rename(former)
    staging.rename(target)
    shutil.rmtree(former, ignore_errors=True)


@contextmanager
def _alone(root: Path, spec: ModelSpec) -> Iterator[None]:
    """Holds the model's lock; the system gives it back when the process ends, however it ends."""
    try:
        (root / _STAGING).mkdir(parents=True, exist_ok=True)
        file = (root / _STAGING / f"{spec.name}.lock").open("w")
    except OSError as error:
        raise HubError(
            f"{root} cannot be written ({error.strerror}). Set LOREKEEP_MODELS_PATH to a directory that can."
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HubError(f"{spec.name} is being pulled by another process. Wait for that one.") from None
        yield
