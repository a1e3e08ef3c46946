"""Tiny models with random weights, one of each family, written as sentence-transformers writes them.

Nobody's vectors: they show that the same weights give the same numbers elsewhere. `spec_of` makes the registry's entry.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sparse_encoder.modules import SpladePooling
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from lorekeep_embedder.models import registry
from lorekeep_embedder.models.registry import ModelSpec

FAMILIES = ("bert", "distilbert", "mpnet", "roberta", "xlm-roberta")
DIMENSIONS, WINDOW_TOKENS = 32, 64
transformers.utils.logging.disable_progress_bar()
_HEADS, _LAYERS, _INNER = 4, 2, 48
_TEXT = "how do reset my password the garden soil weather and many plain words of is in cell power house"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'"
_SPECIAL = {
    "bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
}


def encoder(folder: Path, family: str = "bert", *, pooling: str = "mean", normalise: bool = True) -> Path:
    """A sentence-transformers model in `folder`; `pooling` is mean, cls or last. `qwen3` is torch's alone."""
    _seeded(lambda: transformers.AutoModel.from_config(_config(family)), folder, family)
    modules: list[Any] = [Transformer(str(folder), max_seq_length=WINDOW_TOKENS)]
    mode = "lasttoken" if pooling == "last" else pooling
    modules.append(Pooling(modules[0].get_embedding_dimension(), pooling_mode=mode))
    SentenceTransformer(modules=modules + ([Normalize()] if normalise else []), device="cpu").save(str(folder))
    return folder


def cross_encoder(folder: Path, family: str = "bert") -> Path:
    """A reranker in `folder`: a classifier of one label over pairs."""
    config = _config(family, num_labels=1)
    _seeded(lambda: transformers.AutoModelForSequenceClassification.from_config(config), folder, family)
    CrossEncoder(str(folder), device="cpu", max_length=WINDOW_TOKENS).save(str(folder))
    return folder


def splade(folder: Path, family: str = "bert", *, activation: str = "relu") -> Path:
    """A SPLADE model in `folder`: a masked language model whose logits weigh the vocabulary's terms."""
    _seeded(lambda: transformers.AutoModelForMaskedLM.from_config(_config(family)), folder, family)
    reading = Transformer(str(folder), transformer_task="fill-mask", max_seq_length=WINDOW_TOKENS)
    SparseEncoder(modules=[reading, SpladePooling("max", activation_function=activation)], device="cpu").save(
        str(folder)
    )
    return folder


def m3(folder: Path) -> Path:
    """A model of bge-m3's shape in `folder`: vectors by cls, and `sparse_linear.pt`, which weighs a text's tokens."""
    encoder(folder, "xlm-roberta", pooling="cls")
    torch.manual_seed(8)
    layer = torch.nn.Linear(DIMENSIONS, 1)
    # So that some weights are over 0, and some are not.
    torch.nn.init.constant_(layer.bias, 0.2)
    torch.save(layer.state_dict(), folder / "sparse_linear.pt")
    return folder


def spec_of(folder: Path, **fields: Any) -> ModelSpec:
    """The registry's entry of the model in `folder`; `fields` say what differs from a model by mean of 32 numbers."""
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    facts = {"name": folder.name, "package": "", "weights_sha256": digest, "window_tokens": WINDOW_TOKENS}
    default = next(iter(registry.load().values()))
    return dataclasses.replace(default, **{**facts, "dimensions": DIMENSIONS, **fields})


def _seeded(made: Callable[[], Any], folder: Path, family: str) -> None:
    torch.manual_seed(7)
    model = made().float().eval()
    with torch.no_grad():
        # As transformers draws them, every bias is 0 and every text has nearly the same vector.
        for name, weight in model.named_parameters():
            weight.normal_(1.0 if weight.ndim == 1 and "orm.weight" in name else 0.0, 0.3)
    model.save_pretrained(folder)
    _tokenizer(family).save_pretrained(folder)


def _config(family: str, **fields: Any) -> Any:
    sizes = {"vocab_size": len(_vocabulary(family)), "hidden_size": DIMENSIONS, "num_hidden_layers": _LAYERS}
    sizes |= {"num_attention_heads": _HEADS, "intermediate_size": _INNER, "max_position_embeddings": WINDOW_TOKENS}
    if family == "distilbert":
        named = {"dim": DIMENSIONS, "n_layers": _LAYERS, "n_heads": _HEADS, "hidden_dim": _INNER}
        sizes = {key: sizes[key] for key in ("vocab_size", "max_position_embeddings")} | named
    if family == "qwen3":
        sizes |= {"num_key_value_heads": 2, "head_dim": DIMENSIONS // _HEADS, "pad_token_id": 0}
    if _words(family) == "roberta":
        # Positions are counted from the padding's id plus 1.
        sizes |= {"max_position_embeddings": WINDOW_TOKENS + 2, "type_vocab_size": 1}
        sizes |= {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    return transformers.AutoConfig.for_model(family, **sizes, **fields)


def _words(family: str) -> str:
    return "roberta" if family in ("roberta", "xlm-roberta", "mpnet") else "bert"


def _vocabulary(family: str) -> list[str]:
    words = [*_SPECIAL[_words(family)], *_LETTERS, *(f"##{letter}" for letter in _LETTERS), *_TEXT.split()]
    return list(dict.fromkeys(words))


def _tokenizer(family: str) -> Any:
    kind = _words(family)
    words = {word: number for number, word in enumerate(_vocabulary(family))}
    begin, end, padding, unknown = (_SPECIAL[kind][at] for at in ((2, 3, 0, 1) if kind == "bert" else (0, 2, 1, 3)))
    tokenizer = tokenizers.Tokenizer(models.WordPiece(words, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    second = f"$B:1 {end}:1" if kind == "bert" else f"{end} $B {end}"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {second}",
        special_tokens=[(begin, words[begin]), (end, words[end])],
    )
    special = {"cls_token": begin, "sep_token": end, "pad_token": padding, "unk_token": unknown}
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if family == "bert" else [])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **special)
