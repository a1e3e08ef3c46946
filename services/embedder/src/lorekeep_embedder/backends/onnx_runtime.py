"""ONNX Runtime on the CPU in float32, without torch."""

from collections.abc import Sequence
from pathlib import Path

import onnxruntime

from lorekeep_embedder.backends.seam import Outputs, Tokens, padded

# A budget of 256 costs nothing on a CPU against larger ones, and halves what a query waits for a running batch.
_BATCH_TOKENS = 256


class OnnxRuntimeBackend:
    """One graph that several threads run side by side, each computing on its own thread alone.

    They share one InferenceSession: with one intra-op thread a run computes in the thread that calls it, so this is
    as quick as a session each and holds the weights once.
    """

    name = "onnxruntime"
    precision = "float32"
    device = "cpu"
    batch_tokens = _BATCH_TOKENS

    def __init__(self, graph: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self.memory_bytes = graph.with_suffix(".data").stat().st_size
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        """See the seam; the GIL is free while it computes."""
        ids, mask, _ = padded(batch)
        return Outputs(self._session.run(["vectors"], {"input_ids": ids, "attention_mask": mask})[0])

    def close(self) -> None:
        """Frees the weights."""
        del self._session
