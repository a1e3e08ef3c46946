"""Builds the ONNX graph of a BERT encoder from its safetensors weights; a program of its own, run once per model.

`python -m lorekeep_embedder.graph MODEL_FOLDER TARGET` writes it. The builder holds several copies of the weights, so
it runs in a short child process and the process that serves never imports `onnx`. Pooling and normalising are part of
the graph: ids and mask in, vectors out.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

_OPSET = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
_IR_VERSION = 10


class BertGraph:
    """Adds node after node; every method gives the name of the tensor that it makes.

    Attention and the residual sums are ONNX Runtime's own fused operators: written out in plain ones, whether they
    are fused depends on patterns in the optimiser that change between versions.
    """

    def __init__(self, weights: dict[str, NDArray[Any]], config: dict[str, Any]) -> None:
        self._weights = weights
        self._config = config
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def build(self) -> Any:
        """The whole model: `input_ids` and `attention_mask` (texts x tokens) to `vectors` (texts x dimensions)."""
        hidden = self._embedded()
        for index in range(self._config["num_hidden_layers"]):
            hidden = self._layer(hidden, f"encoder.layer.{index}")
        self._pooled(hidden)
        shape: list[Any] = ["texts", "tokens"]
        inputs = [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT32, shape),
        ]
        dimensions: list[Any] = ["texts", self._config["hidden_size"]]
        outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, dimensions)]
        graph = helper.make_graph(self._nodes, "bert", inputs, outputs, self._constants)
        return helper.make_model(graph, opset_imports=_OPSET, ir_version=_IR_VERSION)

    def _embedded(self) -> str:
        """Words plus positions, normalised. Every token is of type 0, so that row is added to the positions here."""
        positions = self._weights["embeddings.position_embeddings.weight"]
        positions = positions + self._weights["embeddings.token_type_embeddings.weight"][0]
        words = self._node("Gather", [self._weight("embeddings.word_embeddings.weight"), "input_ids"])
        count = self._node("Shape", ["input_ids"], start=1, end=2)
        zero, axis = self._constant("zero", np.array([0])), self._constant("axis_0", np.array([0]))
        rows = self._node("Slice", [self._constant("positions", positions), zero, count, axis])
        return self._normalised(self._node("Add", [words, rows]), "embeddings.LayerNorm")

    def _layer(self, hidden: str, prefix: str) -> str:
        attended = self._linear(self._attention(hidden, prefix), f"{prefix}.attention.output.dense")
        hidden = self._summed(attended, hidden, f"{prefix}.attention.output")
        inner = self._node("MatMul", [hidden, self._transposed(f"{prefix}.intermediate.dense.weight")])
        bias = self._weight(f"{prefix}.intermediate.dense.bias")
        inner = self._node("BiasGelu", [inner, bias], domain="com.microsoft")
        return self._summed(self._linear(inner, f"{prefix}.output.dense"), hidden, f"{prefix}.output")

    def _attention(self, hidden: str, prefix: str) -> str:
        names = [f"{prefix}.attention.self.{each}" for each in ("query", "key", "value")]
        weight = np.concatenate([self._weights[f"{name}.weight"].T for name in names], axis=1)
        bias = np.concatenate([self._weights[f"{name}.bias"] for name in names])
        packed = self._constant(f"{prefix}.qkv.weight", weight), self._constant(f"{prefix}.qkv.bias", bias)
        heads = self._config["num_attention_heads"]
        inputs = [hidden, *packed, "attention_mask"]
        return self._node("Attention", inputs, domain="com.microsoft", num_heads=heads)

    def _linear(self, hidden: str, name: str) -> str:
        product = self._node("MatMul", [hidden, self._transposed(f"{name}.weight")])
        return self._node("Add", [product, self._weight(f"{name}.bias")])

    def _summed(self, left: str, right: str, prefix: str) -> str:
        gain, offset = self._weight(f"{prefix}.LayerNorm.weight"), self._weight(f"{prefix}.LayerNorm.bias")
        epsilon = self._config["layer_norm_eps"]
        inputs = [left, right, gain, offset]
        return self._node("SkipLayerNormalization", inputs, domain="com.microsoft", epsilon=epsilon)

    def _normalised(self, hidden: str, name: str) -> str:
        inputs = [hidden, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]
        return self._node("LayerNormalization", inputs, axis=-1, epsilon=self._config["layer_norm_eps"])

    def _pooled(self, hidden: str) -> None:
        """The mean over the tokens that the mask keeps, at length 1."""
        last, tokens = self._constant("axis_2", np.array([2])), self._constant("axis_1", np.array([1]))
        mask = self._node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        kept = self._node("Mul", [hidden, self._node("Unsqueeze", [mask, last])])
        total = self._node("ReduceSum", [kept, tokens], keepdims=0)
        count = self._node("ReduceSum", [mask, tokens], keepdims=1)
        mean = self._node("Div", [total, count])
        self._node("LpNormalization", [mean], axis=-1, p=2, output="vectors")

    def _node(self, operator: str, inputs: list[str], *, output: str = "", domain: str = "", **attributes: Any) -> str:
        name = output or f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **attributes))
        return name

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _transposed(self, name: str) -> str:
        """A linear layer's weight as ONNX multiplies it: inputs x outputs."""
        return self._constant(f"{name}.T", self._weights[name].T)


def write(folder: Path, target: Path) -> None:
    """Writes the graph of the model in `folder` to `target`, with its weights beside it in a file ending in `.data`.

    Weights apart from the graph are mapped into memory where they are not rearranged: 70 MiB less than in one file,
    and replicas of a host share the pages. The weights appear before the graph that names them, each in one step, so
    no reader sees half of it; two builders at once write the same bytes.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
        raise ValueError(f"no graph can be built for a {config['model_type']} model with {config['hidden_act']}")
    model = BertGraph(load_file(folder / "model.safetensors"), config).build()
    data = target.with_suffix(".data")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        onnx.save_model(model, Path(scratch) / target.name, save_as_external_data=True, location=data.name)
        for path in (data, target):
            (Path(scratch) / path.name).chmod(0o644)
            (Path(scratch) / path.name).replace(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
