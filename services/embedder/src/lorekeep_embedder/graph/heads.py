"""What stands on the encoder: pooled vectors, a reranker's score, weights of terms."""

from pathlib import Path

from onnx import TensorProto

from lorekeep_embedder.graph.architecture import Architecture, loaded
from lorekeep_embedder.graph.encoder import Encoder
from lorekeep_embedder.graph.nodes import Nodes
from lorekeep_embedder.graph.recipe import Recipe
from lorekeep_embedder.graph.refusal import Refused, unsupported
from lorekeep_embedder.graph.torch_file import tensors

_M3_FILE = "sparse_linear.pt"
# Names of a masked language model's head: the layer, its norm, the matrix (often the words' own), the bias.
_TERMS = {
    "bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder.weight",
             "cls.predictions.bias"),
    "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.weight", "vocab_projector.bias"),
    "roberta": ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder.weight", "lm_head.bias"),
}  # fmt: skip
# Names of a classifier's two layers.
_SCORES = {
    "bert": ("pooler.dense", "classifier"),
    "distilbert": ("pre_classifier", "classifier"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
}


class Heads:
    """Adds outputs to `nodes` for the hidden states of `encoder`."""

    def __init__(self, nodes: Nodes, shape: Architecture, encoder: Encoder, hidden: str) -> None:
        self._nodes = nodes
        self._shape = shape
        self._encoder = encoder
        self._hidden = hidden

    def vectors(self, recipe: Recipe) -> None:
        """`vectors`, texts x dimensions: the mean of a text's tokens or its first one's state, of length 1 if asked."""
        nodes = self._nodes
        if recipe.pooling not in ("mean", "cls"):
            raise unsupported(f"a model that pools by {recipe.pooling}")
        pooled = self._mean() if recipe.pooling == "mean" else self._first()
        if recipe.normalise:
            pooled = nodes.node("LpNormalization", pooled, axis=-1, p=2)
        nodes.output("vectors", pooled, self._shape.hidden)

    def score(self) -> None:
        """`vectors`, texts x 1: a reranker's score of a pair, from 0 to 1."""
        nodes, hidden = self._nodes, self._shape.hidden
        inner, outer = _SCORES.get(self._shape.family, _SCORES["roberta"])
        squash = "Relu" if self._shape.family == "distilbert" else "Tanh"
        pooled = nodes.node(squash, nodes.linear(self._first(), inner, hidden, hidden))
        nodes.output("vectors", nodes.node("Sigmoid", nodes.linear(pooled, outer, hidden, 1)), 1)

    def sparse(self, folder: Path, special_ids: list[int]) -> None:
        """Weights of terms, as the files in `folder` have them: bge-m3's linear layer, or a language model's head."""
        if (folder / _M3_FILE).is_file():
            self._token_weights(folder, special_ids)
        elif self._term_names()[0] + ".weight" in self._nodes.weights:
            self._term_weights(folder)
        else:
            raise Refused(
                f"The registry says that the model makes sparse vectors, but its folder has neither {_M3_FILE} nor a "
                "language model's head. Fetch the model again with all its files."
            )

    def _first(self) -> str:
        nodes = self._nodes
        first = nodes.node("Slice", self._hidden, nodes.integers(0), nodes.integers(1), nodes.integers(1))
        return nodes.node("Squeeze", first, nodes.integers(1))

    def _mean(self) -> str:
        nodes, mask = self._nodes, self._encoder.mask
        kept = nodes.node("Mul", self._hidden, nodes.node("Unsqueeze", mask, nodes.integers(2)))
        total = nodes.node("ReduceSum", kept, nodes.integers(1), keepdims=0)
        return nodes.node("Div", total, nodes.node("ReduceSum", mask, nodes.integers(1), keepdims=1))

    def _token_weights(self, folder: Path, special_ids: list[int]) -> None:
        """`token_weights`, texts x tokens: 0 for special tokens. Whoever reads it takes a term's largest."""
        nodes, hidden = self._nodes, self._shape.hidden
        layer = tensors(folder / _M3_FILE, {"weight": (1, hidden), "bias": (1,)})
        product = nodes.node("MatMul", self._hidden, nodes.constant("sparse_linear.T", layer["weight"].T))
        weights = nodes.node("Relu", nodes.node("Add", product, nodes.constant("sparse_linear.bias", layer["bias"])))
        weights = nodes.node("Mul", nodes.node("Squeeze", weights, nodes.integers(2)), self._encoder.mask)
        for special in special_ids:
            same = nodes.node("Equal", self._encoder.ids, nodes.integers(special))
            same = nodes.node("Cast", same, to=TensorProto.FLOAT)
            weights = nodes.node("Mul", weights, nodes.node("Sub", nodes.number(1.0), same))
        nodes.output("token_weights", weights, "tokens")

    def _term_weights(self, folder: Path) -> None:
        """`term_weights`, texts x vocabulary: SPLADE's log(1 + relu(logits)), a term's largest over the tokens."""
        nodes, shape, times = self._nodes, self._shape, _logarithms(folder)
        dense, norm, matrix, bias = self._term_names()
        inner = nodes.activated(self._hidden, dense, shape.hidden, shape.hidden, shape.activation)
        inner = nodes.normalised(inner, norm, shape.hidden, shape.epsilon)
        words = matrix if matrix in nodes.weights else "embeddings.word_embeddings.weight"
        weight = nodes.weights.take(words, shape.vocabulary, shape.hidden)
        logits = nodes.node("MatMul", inner, nodes.constant("terms.T", weight.T))
        logits = nodes.node("Relu", nodes.node("Add", logits, nodes.weight(bias, shape.vocabulary)))
        kept = nodes.node("Mul", logits, nodes.node("Unsqueeze", self._encoder.mask, nodes.integers(2)))
        weights = nodes.node("ReduceMax", kept, nodes.integers(1), keepdims=0)
        for _ in range(times):
            weights = nodes.node("Log", nodes.node("Add", weights, nodes.number(1.0)))
        nodes.output("term_weights", weights, shape.vocabulary)

    def _term_names(self) -> tuple[str, str, str, str]:
        return _TERMS.get(self._shape.family, _TERMS["roberta"])


def _logarithms(folder: Path) -> int:
    """How often SPLADE takes log(1 + x), by sentence-transformers' own file of it where there is one."""
    path = folder / "1_SpladePooling" / "config.json"
    config = loaded(path) if path.is_file() else {}
    if config.get("pooling_strategy", "max") != "max":
        raise unsupported("a SPLADE model that does not pool by max")
    known = {"relu": 1, "log1p_relu": 2}
    activation = config.get("activation_function", "relu")
    if activation not in known:
        raise unsupported(f"a SPLADE model with the activation {str(activation)[:40]}")
    return known[activation]
