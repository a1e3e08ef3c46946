"""The seam's backend on torch."""

import gc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder.backends.seam import MOST_BATCH_TOKENS, Outputs, Tokens, padded
from lorekeep_embedder.backends.torch import devices, models
from lorekeep_embedder.backends.torch.compiling import compile_forward
from lorekeep_embedder.backends.torch.memory import BatchBudget, Frugal, loaded_into
from lorekeep_embedder.backends.torch.models import Form

_LONGEST_MEASURED_TOKENS = 256


class TorchBackend:
    """A model of sentence-transformers that reads our own token ids, so that all backends read exactly the same."""

    name = "torch"

    def __init__(
        self,
        folder: Path,
        form: Form | None = None,
        *,
        device: str = "auto",
        precision: str = "auto",
        compiled: bool = False,
        sessions: int = 2,
    ) -> None:
        self._device = devices.opened(device)
        self.device = self._device.name
        self.precision = devices.checked_precision(self._device, precision)
        dtype = devices.DTYPES[self.precision]
        self._model = loaded_into(
            lambda: models.loaded(folder, form or Form(), self._device, dtype),
            torch.OutOfMemoryError,
            self._device.free,
        )
        self._reads_types = "token_type_ids" in self._model.modules.tokenizer.model_input_names
        if compiled:
            compile_forward(self._model.modules[0].model)
        self.batch_tokens = self._device.batch_tokens
        self._budget = BatchBudget(MOST_BATCH_TOKENS)
        self._frugal = Frugal(self._run, self._budget, torch.OutOfMemoryError, self._device.free)
        self.memory_bytes = self._measured_bytes(sessions)

    @property
    def room_tokens(self) -> int:
        """See the seam."""
        return self._budget.tokens

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        """See the seam; the GIL is free in torch's kernels. Overloaded where a text does not fit the memory."""
        outputs = self._frugal.run(batch)
        if not np.isfinite(outputs.vectors).all():
            raise Unavailable(
                f"The model made numbers beyond the range of {self.precision}. Set LOREKEEP_PRECISION to bfloat16 or "
                "float32.",
                reason="precision_missing",
            )
        return outputs

    def close(self) -> None:
        """Frees the weights, on the device too."""
        del self._model
        # Modules refer to themselves once they are compiled.
        gc.collect()
        self._device.free()

    def _run(self, batch: Sequence[Tokens]) -> Outputs:
        ids, mask, types = padded(batch)
        with self._device.running():
            features = {"input_ids": self._device.put(ids), "attention_mask": self._device.put(mask).long()}
            if self._reads_types:
                features["token_type_ids"] = self._device.put(types)
            arrays = self._device.get(self._model.forward(features))
        return self._model.outputs(arrays, ids)

    def _measured_bytes(self, sessions: int) -> int:
        """Parameters, and what a full batch takes beside them, once for each session."""
        modules = self._model.modules
        weights = sum(each.nbytes for each in (*modules.parameters(), *modules.buffers()))
        length = min(modules.max_seq_length or _LONGEST_MEASURED_TOKENS, _LONGEST_MEASURED_TOKENS)
        batch = [Tokens([0] * length)] * max(1, self.batch_tokens // length)
        return int(weights) + sessions * self._device.peak_bytes(lambda: self.compute(batch))
