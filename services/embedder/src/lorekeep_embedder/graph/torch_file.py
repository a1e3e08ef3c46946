"""Small tensors out of a file that torch wrote, without torch, and without what a pickle may otherwise do."""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lorekeep_embedder.graph.refusal import Refused

_MAX_BYTES = 4 * 1024 * 1024
_STORAGES = {"FloatStorage": np.dtype("<f4"), "HalfStorage": np.dtype("<f2")}


def tensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """The tensors of these names and shapes as float32; Refused where the file holds anything else."""
    try:
        found = _unpickled(path)
        read = {name: np.asarray(found[name], np.float32) for name in shapes}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError,
            pickle.UnpicklingError, zipfile.BadZipFile, NotImplementedError) as error:  # fmt: skip
        raise Refused(f"{path.name} cannot be read ({type(error).__name__}). Fetch the model again.") from None
    wrong = [name for name, shape in shapes.items() if read[name].shape != shape]
    if wrong:
        raise Refused(f"{path.name} has {wrong[0]} as {read[wrong[0]].shape}, not {shapes[wrong[0]]}.")
    return read


def _unpickled(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
            raise ValueError("too large")
        name = next(each for each in archive.namelist() if each.endswith("/data.pkl"))
        found: dict[str, Any] = _Reader(archive, name).load()
        return found


class _Reader(pickle.Unpickler):
    """Knows tensors of floats and the dict that holds them; every other name in a pickle is refused."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        super().__init__(io.BytesIO(archive.read(name)))
        self._archive = archive
        self._folder = name.removesuffix("data.pkl")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        """The numbers that a tensor lies in: ("storage", type, key, device, count)."""
        _, kind, key, _, _ = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), kind)


def _tensor(numbers: NDArray[Any], offset: int, size: tuple[int, ...], *_: object) -> NDArray[Any]:
    count = int(np.prod(size))
    return numbers[offset : offset + count].reshape(size)
