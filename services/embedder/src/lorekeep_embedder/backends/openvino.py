"""OpenVINO on the CPU: bfloat16 where the processor multiplies it, or float32."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder import cores
from lorekeep_embedder.backends.graph_outputs import NAMES, outputs
from lorekeep_embedder.backends.seam import MOST_BATCH_TOKENS, Outputs, Tokens, padded
from lorekeep_embedder.backends.shapes import rounded

# A budget of 256 costs nothing on a CPU against larger ones, and halves what a query waits for a running batch.
_BATCH_TOKENS = 256
_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_BYTES = {"float32": 4, "bfloat16": 2}


class OpenVinoBackend:
    """One compiled graph that several threads run side by side, each computing on its own thread alone.

    A stream holds what one inference needs at a time; the weights are there once for all of them. An inference asked
    for from a thread computes in that thread, so none is handed to another, and none waits by turning round.
    """

    name = "openvino"
    device = "cpu"
    batch_tokens = _BATCH_TOKENS
    room_tokens = MOST_BATCH_TOKENS

    def __init__(self, graph: Path, precision: str, sessions: int, window_tokens: int) -> None:
        core = openvino.Core()
        if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise Unavailable(
                "OpenVINO does not multiply bfloat16 on this processor. Set LOREKEEP_PRECISION to float32 or auto.",
                reason="precision_missing",
            )
        streams = min(sessions, cores.usable())
        self.precision = precision
        self.memory_bytes = graph.with_suffix(".data").stat().st_size // 4 * _BYTES[precision]
        self._compiled = core.compile_model(
            core.read_model(graph),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": streams,
                "ENABLE_CPU_PINNING": False,
                # Its own kernels for products and softmax (SNIPPETS_MODE=DISABLE) would be 3 % quicker, and hold 2 MiB
                # a shape of batch instead of 0.6.
            },
        )
        self._window_tokens = window_tokens
        self._inputs = [each.any_name for each in self._compiled.inputs]
        # A tensor that passes through nodes which change nothing has a name from each of them.
        self._outputs = [name for name in NAMES if any(name in each.names for each in self._compiled.outputs)]
        self._idle: deque[Any] = deque()

    def compute(self, batch: Sequence[Tokens]) -> Outputs:
        """See the seam; the GIL is free while it computes."""
        shape = rounded(len(batch), max(map(len, batch)), self._window_tokens)
        ids, mask, types = padded(batch, shape)
        named = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        request = self._request()
        # Arrays that live until this function ends need no copy on the way in. What comes out lies in memory that the
        # request's next inference writes over, so it is copied before the request is given back.
        request.set_tensors({name: openvino.Tensor(named[name], shared_memory=True) for name in self._inputs})
        request.infer()
        made = {name: np.array(request.get_tensor(name).data[: len(batch)]) for name in self._outputs}
        self._idle.append(request)
        return outputs(batch, made)

    def close(self) -> None:
        """Frees the weights."""
        self._idle.clear()
        del self._compiled

    def _request(self) -> Any:
        """One that nobody uses, the last used first; as many are made as ever run at once."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._compiled.create_infer_request()
