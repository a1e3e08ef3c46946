"""The encoder: token ids to one hidden state a token."""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from lorekeep_embedder.graph.architecture import Architecture
from lorekeep_embedder.graph.nodes import Nodes

# A power of two, which bfloat16 holds exactly: (mask - 1) * MASKED is computed as mask * MASKED - MASKED, and two
# roundings of another number leave a large bias on every token that is there (cosines of 0.3).
_MASKED = 2.0**16
_BUCKETS, _FARTHEST = 32, 128


class Encoder:
    """Adds an encoder to `nodes`. `with_types` makes it read pairs, where the family tells their two texts apart."""

    def __init__(self, nodes: Nodes, shape: Architecture, window_tokens: int, *, with_types: bool) -> None:
        self._nodes = nodes
        self._shape = shape
        self._window_tokens = window_tokens
        self.ids = nodes.input("input_ids", TensorProto.INT64)
        mask = nodes.input("attention_mask", TensorProto.INT32)
        self.mask = nodes.node("Cast", mask, to=TensorProto.FLOAT)
        reads_types = with_types and shape.naming.has_types and shape.types > 1
        self._types = nodes.input("token_type_ids", TensorProto.INT64) if reads_types else None

    def hidden(self) -> str:
        """Hidden states, texts x tokens x hidden."""
        hidden, bias = self._embedded(), self._bias()
        for index in range(self._shape.layers):
            hidden = self._layer(hidden, bias, self._shape.naming.layer.format(index))
        return hidden

    def _embedded(self) -> str:
        """Words plus positions plus types, normalised."""
        nodes, shape = self._nodes, self._shape
        words = nodes.weight("embeddings.word_embeddings.weight", shape.vocabulary, shape.hidden)
        summed = nodes.node("Add", nodes.node("Gather", words, self.ids), self._positions())
        if self._types:
            table = nodes.weight("embeddings.token_type_embeddings.weight", shape.types, shape.hidden)
            summed = nodes.node("Add", summed, nodes.node("Gather", table, self._types))
        return nodes.normalised(summed, "embeddings.LayerNorm", shape.hidden, shape.epsilon)

    def _positions(self) -> str:
        """Rows of the table of positions. Where every token is of type 0, that type's row is added to them here."""
        nodes, shape = self._nodes, self._shape
        table = nodes.weights.take("embeddings.position_embeddings.weight", shape.positions, shape.hidden)
        if shape.naming.has_types and not self._types:
            types = nodes.weights.take("embeddings.token_type_embeddings.weight", shape.types, shape.hidden)
            table = table + types[0]
        rows = nodes.constant("positions", table[: shape.first_position + self._window_tokens])
        if shape.naming.counts_padding:
            return nodes.node("Gather", rows, self._counted())
        count = nodes.node("Shape", self.ids, start=1, end=2)
        return nodes.node("Slice", rows, nodes.integers(0), count, nodes.integers(0))

    def _counted(self) -> str:
        """Positions counted from the padding's id on, over every token but the padding's own."""
        nodes = self._nodes
        padding = nodes.constant("padding_id", np.array(self._shape.padding_id, np.int64))
        kept = nodes.node("Cast", nodes.node("Equal", self.ids, padding), to=TensorProto.INT64)
        kept = nodes.node("Sub", nodes.constant("one", np.array(1, np.int64)), kept)
        counted = nodes.node("CumSum", kept, nodes.constant("axis_1", np.array(1, np.int64)))
        return nodes.node("Add", nodes.node("Mul", counted, kept), padding)

    def _bias(self) -> str:
        """What is added to attention's logits: far below 0 where there is no token, and what the distance says."""
        nodes = self._nodes
        gone = nodes.node("Sub", nodes.node("Unsqueeze", self.mask, nodes.integers(1, 2)), nodes.number(1.0))
        bias = nodes.node("Mul", gone, nodes.number(_MASKED))
        return nodes.node("Add", bias, self._distances()) if self._shape.family == "mpnet" else bias

    def _distances(self) -> str:
        """MPNet's bias by the distance of two tokens, 1 x heads x tokens x tokens."""
        nodes, last = self._nodes, self._window_tokens - 1
        table = nodes.weights.take("encoder.relative_attention_bias.weight", _BUCKETS, self._shape.heads)
        by_distance = nodes.constant("distances", table[buckets(np.arange(-last, last + 1))])
        count = nodes.node("Squeeze", nodes.node("Shape", self.ids, start=1, end=2))
        zero, one = (nodes.constant(f"whole_{value}", np.array(value, np.int64)) for value in (0, 1))
        places = nodes.node("Range", zero, count, one)
        keys = nodes.node("Unsqueeze", places, nodes.integers(0))
        queries = nodes.node("Unsqueeze", places, nodes.integers(1))
        rows = nodes.node("Add", nodes.node("Sub", keys, queries), nodes.integers(last))
        bias = nodes.node("Transpose", nodes.node("Gather", by_distance, rows), perm=[2, 0, 1])
        return nodes.node("Unsqueeze", bias, nodes.integers(0))

    def _layer(self, hidden: str, bias: str, prefix: str) -> str:
        nodes, shape, naming = self._nodes, self._shape, self._shape.naming
        attended = self._attention(hidden, bias, prefix)
        attended = nodes.linear(attended, f"{prefix}.{naming.attended}", shape.hidden, shape.hidden)
        hidden = nodes.summed(attended, hidden, f"{prefix}.{naming.attended_norm}", shape.hidden, shape.epsilon)
        inner = nodes.activated(hidden, f"{prefix}.{naming.inner}", shape.hidden, shape.inner, shape.activation)
        outer = nodes.linear(inner, f"{prefix}.{naming.outer}", shape.inner, shape.hidden)
        return nodes.summed(outer, hidden, f"{prefix}.{naming.outer_norm}", shape.hidden, shape.epsilon)

    def _attention(self, hidden: str, bias: str, prefix: str) -> str:
        """In plain operators: as quick as ONNX Runtime's fused one, and OpenVINO is quicker by it."""
        nodes, shape, naming = self._nodes, self._shape, self._shape.naming
        width = shape.hidden // shape.heads
        query = self._heads(hidden, f"{prefix}.{naming.query}", [0, 2, 1, 3])
        key = self._heads(hidden, f"{prefix}.{naming.key}", [0, 2, 3, 1])
        value = self._heads(hidden, f"{prefix}.{naming.value}", [0, 2, 1, 3])
        logits = nodes.node("Mul", nodes.node("MatMul", query, key), nodes.number(width**-0.5))
        shares = nodes.node("Softmax", nodes.node("Add", logits, bias), axis=-1)
        seen = nodes.node("Transpose", nodes.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        return nodes.node("Reshape", seen, nodes.integers(0, 0, shape.hidden))

    def _heads(self, hidden: str, name: str, order: list[int]) -> str:
        shape = self._shape
        made = self._nodes.linear(hidden, name, shape.hidden, shape.hidden)
        apart = self._nodes.integers(0, 0, shape.heads, shape.hidden // shape.heads)
        return self._nodes.node("Transpose", self._nodes.node("Reshape", made, apart), perm=order)


def buckets(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """MPNet's bucket of a key's distance from its query: exact when near, coarser and coarser when far."""
    half, near = _BUCKETS // 2, _BUCKETS // 4
    far = np.abs(distances)
    ratio = np.log(np.maximum(far, 1).astype(np.float32) / near) / np.float32(np.log(_FARTHEST / near))
    coarse = np.minimum(near + (ratio * (half - near)).astype(np.int64), half - 1)
    bucket: NDArray[np.int64] = np.where(far < near, far, coarse) + half * (distances > 0)
    return bucket
