"""ONNX Runtime on the CPU in float32, or int8 where that is asked for, without torch."""

from collections.abc import Sequence
from pathlib import Path

import onnxruntime

from lorekeep_embedder.backends.graph_outputs import outputs
from lorekeep_embedder.backends.seam import MOST_BATCH_TOKENS, Outputs, Tokens, padded

# A budget of 256 costs nothing on a CPU against larger ones, and halves what a query waits for a running batch.
_BATCH_TOKENS = 256
# What it would put in place of a sum and a LayerNorm has no vector instructions: 14 % of a run instead of 6.
_SLOWER = ["SkipLayerNormFusion"]


class OnnxRuntimeBackend:
    """One graph that several threads run side by side, each computing on its own thread alone.

    They share one InferenceSession: with one intra-op thread a run computes in the thread that calls it, so this is
    as quick as a session each and holds the weights once.
    """

    name = "onnxruntime"
    device = "cpu"
    batch_tokens = _BATCH_TOKENS
    room_tokens = MOST_BATCH_TOKENS

    def __init__(self, graph: Path, precision: str = "float32") -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self.precision = precision
        self.memory_bytes = graph.with_suffix(".data").stat().st_size
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._outputs = [each.name for each in self._session.get_outputs()]

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        """See the seam; the GIL is free while it computes."""
        ids, mask, types = padded(batch)
        named = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        made = self._session.run(self._outputs, {name: named[name] for name in self._inputs})
        return outputs(batch, dict(zip(self._outputs, made, strict=True)))

    def close(self) -> None:
        """Frees the weights."""
        del self._session
