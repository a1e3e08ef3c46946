"""The limit of matrix products: `python bench/embedder/gemm.py ENGINE PRECISION SECONDS` prints GFLOP/s by shape.

One thread, CPU time, the shapes that the model's linear layers multiply in a batch of 256 and of 512 tokens: weights
are constants, tokens are the input, as in a model. It knows nothing of lorekeep, so it runs in the peers' environment
too. Engines: torch, openvino, onnxruntime (float32 alone).
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np

Product = Callable[[], object]
_TOKENS = (256, 512)
_LAYERS = ((384, 1536), (1536, 384), (384, 1152), (384, 384))


def _torch(tokens: int, inner: int, outer: int, precision: str) -> Product:
    import torch

    torch.set_num_threads(1)
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, layer = torch.randn(tokens, inner, dtype=kind), torch.nn.Linear(inner, outer, dtype=kind)

    def product() -> object:
        with torch.inference_mode():
            return layer(left)

    return product


def _openvino(tokens: int, inner: int, outer: int, precision: str) -> Product:
    """Four products in a row, so that turning the input to bfloat16 and back counts little."""
    import openvino
    from openvino import opset13

    given = opset13.parameter([tokens, inner], np.float32)
    chance, found, width = np.random.default_rng(1), given, inner
    for _ in range(4):
        weights = chance.standard_normal((width, outer if width == inner else inner), np.float32)
        found, width = opset13.matmul(found, opset13.constant(weights), False, False), weights.shape[1]
    kind = {"bfloat16": "bf16", "float32": "f32"}[precision]
    hints = {"INFERENCE_PRECISION_HINT": kind, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    request = openvino.Core().compile_model(openvino.Model([found], [given]), "CPU", hints).create_infer_request()
    request.set_input_tensor(openvino.Tensor(chance.standard_normal((tokens, inner), np.float32)))
    return lambda: request.infer()  # noqa: PLW0108 - a method of a type that is not known


def _onnxruntime(tokens: int, inner: int, outer: int, precision: str) -> Product:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(1).standard_normal((inner, outer), np.float32)
    product = helper.make_node("MatMul", ["given", "weights"], ["found"])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [tokens, width])
        for name, width in (("given", inner), ("found", outer))
    ]
    graph = helper.make_graph([product], "product", ends[:1], ends[1:], [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"given": np.random.default_rng(2).standard_normal((tokens, inner), np.float32)}
    return lambda: session.run(["found"], feed)


ENGINES = {"torch": (_torch, 1), "openvino": (_openvino, 4), "onnxruntime": (_onnxruntime, 1)}


def _gflops(product: Product, flops: float, seconds: float) -> float:
    for _ in range(5):
        product()
    count, until, before = 0, time.monotonic() + seconds, time.process_time()
    while time.monotonic() < until:
        product()
        count += 1
    return count * flops / (time.process_time() - before) / 1e9


def main() -> None:
    """One JSON object: shape to GFLOP/s."""
    engine, precision, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    make, products = ENGINES[engine]
    found = {}
    for tokens in _TOKENS:
        for inner, outer in _LAYERS:
            flops = 2.0 * tokens * inner * outer * products
            found[f"{tokens}x{inner}x{outer}"] = _gflops(make(tokens, inner, outer, precision), flops, seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
