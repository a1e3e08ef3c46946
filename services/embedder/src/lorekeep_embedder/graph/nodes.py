"""Nodes and constants of a graph that grows; every method gives the name of the tensor that it makes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lorekeep_embedder.graph.weights import Weights

_OPSET = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
_IR_VERSION = 10
_FUSED = "com.microsoft"


class Nodes:
    """A graph's inputs, constants and nodes so far.

    Activations are ONNX Runtime's own fused operators, which OpenVINO reads too: written out in plain ones, whether
    ONNX Runtime fuses them depends on patterns in its optimiser that change between versions.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._inputs: dict[str, Any] = {}
        self._outputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def input(self, name: str, kind: int) -> str:
        """An input of the graph, texts x tokens."""
        self._inputs[name] = helper.make_tensor_value_info(name, kind, ["texts", "tokens"])
        return name

    def output(self, name: str, tensor: str, width: int | str) -> None:
        """Gives a tensor, texts x `width` of floats, out under `name`."""
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", width]))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """One operator of ONNX."""
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def fused(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """One operator of ONNX Runtime's own."""
        return self.node(operator, *inputs, domain=_FUSED, **attributes)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """A constant, kept once however often it is named."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def integers(self, *values: int) -> str:
        """A list of whole numbers: axes, shapes."""
        return self.constant(f"integers_{'_'.join(map(str, values))}", np.array(values, np.int64))

    def number(self, value: float) -> str:
        """One number."""
        return self.constant(f"number_{value}", np.array(value, np.float32))

    def weight(self, name: str, *shape: int) -> str:
        """A tensor of the model's."""
        return self.constant(name, self.weights.take(name, *shape))

    def product(self, hidden: str, name: str, inputs: int, outputs: int) -> str:
        """A linear layer without its bias."""
        weight = self.weights.take(f"{name}.weight", outputs, inputs)
        return self.node("MatMul", hidden, self.constant(f"{name}.T", weight.T))

    def linear(self, hidden: str, name: str, inputs: int, outputs: int) -> str:
        """A linear layer."""
        return self.node("Add", self.product(hidden, name, inputs, outputs), self.weight(f"{name}.bias", outputs))

    def activated(self, hidden: str, name: str, inputs: int, outputs: int, activation: str) -> str:
        """A linear layer with gelu or relu behind it."""
        if activation == "relu":
            return self.node("Relu", self.linear(hidden, name, inputs, outputs))
        product, bias = self.product(hidden, name, inputs, outputs), self.weight(f"{name}.bias", outputs)
        return self.fused("BiasGelu", product, bias)

    def normalised(self, hidden: str, name: str, width: int, epsilon: float) -> str:
        """A LayerNorm."""
        gain, offset = self.weight(f"{name}.weight", width), self.weight(f"{name}.bias", width)
        return self.node("LayerNormalization", hidden, gain, offset, axis=-1, epsilon=epsilon)

    def summed(self, left: str, right: str, name: str, width: int, epsilon: float) -> str:
        """A LayerNorm of a sum. In two operators: ONNX Runtime's fused one takes twice as long as both."""
        return self.normalised(self.node("Add", left, right), name, width, epsilon)

    def model(self) -> ModelProto:
        """The graph as a file's content."""
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, "encoder", list(self._inputs.values()), self._outputs, constants)
        return helper.make_model(graph, opset_imports=_OPSET, ir_version=_IR_VERSION)
