"""Tensors of a model.safetensors: by one name whatever the checkpoint calls them, as float32, held to a shape."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lorekeep_embedder.graph.refusal import Refused

Array = NDArray[np.float32]
_PREFIX = re.compile(r"^(bert|roberta|mpnet|distilbert)\.")
_FORMER = {".gamma": ".weight", ".beta": ".bias"}


class Weights:
    """A file of weights, mapped: a tensor is read when it is taken, and no more than the file holds."""

    def __init__(self, path: Path) -> None:
        try:
            self._file: Any = safe_open(path, framework="numpy")
            self._names = {_canonical(name): name for name in _keys(self._file)}
        except (SafetensorError, OSError) as error:
            raise Refused(f"{path.name} cannot be read ({type(error).__name__}). Fetch the model again.") from None

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def take(self, name: str, *shape: int) -> Array:
        """The tensor of that name; Refused where it is missing, of another shape, or not of floats."""
        if name not in self._names:
            raise Refused(f"model.safetensors lacks {name}, which its config.json asks for. Fetch the model again.")
        found = tuple(self._file.get_slice(self._names[name]).get_shape())
        if found != shape:
            raise Refused(f"model.safetensors has {name} as {found}, and config.json asks for {shape}.")
        return self._floats(name)

    def _floats(self, name: str) -> Array:
        kind = self._file.get_slice(self._names[name]).get_dtype()
        if kind not in ("F32", "F16", "BF16"):
            raise Refused(f"model.safetensors has {name} in {kind}; F32, F16 and BF16 are read.")
        try:
            floats: Array = np.asarray(self._file.get_tensor(self._names[name])).astype(np.float32)
        except (SafetensorError, TypeError, AttributeError) as error:
            raise Refused(f"model.safetensors: {name} cannot be read ({type(error).__name__}).") from None
        return floats


def _canonical(name: str) -> str:
    """Without the prefix of a model that was saved with its head, and with a LayerNorm's names of today."""
    bare = _PREFIX.sub("", name)
    former = next((old for old in _FORMER if bare.endswith(old)), None)
    return bare.removesuffix(former) + _FORMER[former] if former else bare


def _keys(file: Any) -> list[str]:
    return list(file.keys())
