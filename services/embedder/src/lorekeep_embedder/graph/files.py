"""From a model's folder to a graph on disk."""

import tempfile
from pathlib import Path

import onnx
import tokenizers

from lorekeep_embedder.graph import architecture
from lorekeep_embedder.graph.architecture import Architecture
from lorekeep_embedder.graph.encoder import Encoder
from lorekeep_embedder.graph.heads import Heads
from lorekeep_embedder.graph.nodes import Nodes
from lorekeep_embedder.graph.recipe import INT8, Recipe
from lorekeep_embedder.graph.refusal import Refused, unsupported
from lorekeep_embedder.graph.weights import Weights

_MODULES = ("Transformer", "MLMTransformer", "Pooling", "Normalize", "SpladePooling")


def write(folder: Path, target: Path, recipe: Recipe) -> None:
    """Writes the graph of the model in `folder` to `target`, with its weights beside it in a file ending in `.data`.

    Weights apart from the graph are mapped into memory where they are not rearranged: 70 MiB less than in one file,
    and replicas of a host share the pages. The weights appear before the graph that names them, each in one step, so
    no reader sees half of it; two builders at once write the same bytes. Refused where no graph can be built.
    """
    model = built(folder, recipe)
    data = target.with_suffix(".data")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / target.name
        onnx.save_model(model, made, save_as_external_data=True, location=data.name)
        if recipe.precision == INT8:
            _quantise(made, data.name)
        for path in (data, target):
            (Path(scratch) / path.name).chmod(0o644)
            (Path(scratch) / path.name).replace(path)


def built(folder: Path, recipe: Recipe) -> onnx.ModelProto:
    """The graph in memory."""
    _check_modules(folder)
    shape = architecture.read(folder)
    tokenizer = _tokenizer(folder)
    _check(shape, recipe, tokenizer)
    nodes = Nodes(Weights(folder / "model.safetensors"))
    encoder = Encoder(nodes, shape, recipe.window_tokens, with_types=recipe.kind == "reranker")
    heads = Heads(nodes, shape, encoder, encoder.hidden())
    if recipe.kind == "reranker":
        heads.score()
    else:
        heads.vectors(recipe)
    if recipe.sparse:
        special = [number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]
        heads.sparse(folder, special)
    return nodes.model()


def _check_modules(folder: Path) -> None:
    """What sentence-transformers puts on top of the encoder; a layer that is left out would make other vectors."""
    path = folder / "modules.json"
    if not path.is_file():
        return
    found = architecture.loaded_list(path)
    names = [str(each.get("type", "")).rpartition(".")[2] if isinstance(each, dict) else "" for each in found]
    foreign = [name for name in names if name not in _MODULES]
    if foreign:
        raise unsupported(f"a model with the module {foreign[0][:40]!r}")


def _tokenizer(folder: Path) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        raise Refused(f"tokenizer.json cannot be read ({type(error).__name__}). Fetch the model again.") from None


def _check(shape: Architecture, recipe: Recipe, tokenizer: tokenizers.Tokenizer) -> None:
    """That every token and every place in the window has a row, so that no text can make the runtime fail."""
    last = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if last >= shape.vocabulary:
        raise Refused(f"tokenizer.json has a token {last}, and the model {shape.vocabulary} words. Fetch it again.")
    if shape.positions < shape.first_position + recipe.window_tokens:
        room = shape.positions - shape.first_position
        raise Refused(f"The registry says a window of {recipe.window_tokens} tokens, the model has {room} positions.")
    if recipe.kind != "reranker" and recipe.dimensions != shape.hidden:
        raise Refused(f"The registry says {recipe.dimensions} numbers a vector, the model's are {shape.hidden}.")


def _quantise(path: Path, data: str) -> None:
    """Weights of linear layers as int8, inputs quantised as they come; in place."""
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    # It advises a pass of its own that changes nothing here.
    logging.disable(logging.WARNING)
    quantised = path.with_name("quantised.onnx")
    quantize_dynamic(
        path,
        quantised,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul"],
        # Types are not inferred through ONNX Runtime's own operators, and attention's products have no weights.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT, "MatMulConstBOnly": True},
    )
    model = onnx.load(quantised)
    quantised.unlink()
    (path.parent / data).unlink()
    onnx.save_model(model, path, save_as_external_data=True, location=data)
