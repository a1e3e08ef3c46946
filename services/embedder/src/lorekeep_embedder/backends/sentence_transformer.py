"""sentence-transformers on torch, in float32: for CUDA, and as the reference of the others."""

from collections.abc import Sequence
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from lorekeep_embedder.backends.seam import Outputs, Tokens, padded

_CPU_BATCH_TOKENS = 256
_CUDA_BATCH_TOKENS = 12_288


class TorchBackend:
    """A SentenceTransformer fed with our own token ids, so that both backends read exactly the same."""

    name = "torch"
    precision = "float32"

    def __init__(self, folder: Path) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        on_cuda = self.device == "cuda"
        self.batch_tokens = _CUDA_BATCH_TOKENS if on_cuda else _CPU_BATCH_TOKENS
        torch.set_num_threads(1)
        self._model = SentenceTransformer(str(folder), device=self.device, local_files_only=True).float().eval()
        self.memory_bytes = sum(each.nbytes for each in self._model.parameters())

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        """See the seam; the GIL is free in torch's kernels."""
        ids, mask, types = (torch.from_numpy(each).to(self.device) for each in padded(batch))
        features = {"input_ids": ids, "attention_mask": mask.long(), "token_type_ids": types}
        with torch.inference_mode():
            return Outputs(self._model(features)["sentence_embedding"].cpu().numpy())

    def close(self) -> None:
        """Frees the weights, on the device too."""
        del self._model
        if self.device == "cuda":
            torch.cuda.empty_cache()
