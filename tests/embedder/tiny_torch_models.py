"""Models of every kind that torch serves, tiny and with random weights, as sentence-transformers itself writes them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from sentence_transformers.sparse_encoder.modules import SpladePooling
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

_TEXT = """the a of and to in is how do I reset my password mitochondria powerhouse cell gardens soil weather many
plain words SELECT id name from users where created index search model vector query passage 1 2 3 4 5 6 7 8 9"""
WORDS = _TEXT.split()
_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
# Far greater than what training begins with, so that attention is not the same for every token.
_SPREAD = {"initializer_range": 0.4}


def wordpiece(folder: Path) -> PreTrainedTokenizerFast:
    """A tokenizer as BERT has it: [CLS] a [SEP] b [SEP], types 0 and 1."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    made.train_from_iterator(WORDS * 3, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return _saved(made, folder, special, ["input_ids", "token_type_ids", "attention_mask"], "right")


def sentencepiece(folder: Path) -> PreTrainedTokenizerFast:
    """A tokenizer as XLM-RoBERTa has it: <s> a </s>, no types, padding of id 1."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>", show_progress=False)
    made.train_from_iterator(WORDS * 3, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>"}
    return _written(made, folder, names, ["input_ids", "attention_mask"], "right")


def bytes_with_end(folder: Path) -> PreTrainedTokenizerFast:
    """A tokenizer as Qwen3-Embedding has it: bytes, <|endoftext|> last, padding on the left."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    end = "<|endoftext|>"
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=[end], initial_alphabet=alphabet, show_progress=False
    )  # fmt: skip
    made.train_from_iterator(WORDS * 3, trainer)
    template = processors.TemplateProcessing(single=f"$A:0 {end}:0", pair=None, special_tokens=[(end, 0)])
    made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    names = {"eos_token": end, "pad_token": end}
    return _written(made, folder, names, ["input_ids", "attention_mask"], "left")


def dense(folder: Path, pooling: str, *, normalise: bool) -> None:
    """A BERT encoder."""
    tokenizer = wordpiece(folder / "raw")
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=128, **_SIZE, **_SPREAD)
    _sentence_transformer(BertModel(config), folder, pooling, normalise=normalise)


def decoder(folder: Path) -> None:
    """A Qwen3 decoder that is pooled by its last token."""
    tokenizer = bytes_with_end(folder / "raw")
    config = Qwen3Config(
        vocab_size=len(tokenizer), num_key_value_heads=2, head_dim=8, max_position_embeddings=512, **_SIZE, **_SPREAD
    )
    _sentence_transformer(Qwen3Model(config), folder, "lasttoken", normalise=True)


def dense_and_sparse(folder: Path) -> None:
    """An XLM-RoBERTa encoder with bge-m3's second head."""
    tokenizer = sentencepiece(folder / "raw")
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, pad_token_id=1, type_vocab_size=1, **_SIZE, **_SPREAD
    )
    _sentence_transformer(XLMRobertaModel(config), folder, "cls", normalise=True)
    head = torch.nn.Linear(_SIZE["hidden_size"], 1)
    torch.nn.init.ones_(head.bias)
    torch.save(head.state_dict(), folder / "sparse_linear.pt")


def splade(folder: Path) -> None:
    """A masked language model whose vocabulary is the vector."""
    tokenizer = wordpiece(folder / "raw")
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=128, **_SIZE, **_SPREAD)
    BertForMaskedLM(config).save_pretrained(folder / "raw")
    transformer = Transformer(str(folder / "raw"), transformer_task="fill-mask")
    SparseEncoder(modules=[transformer, SpladePooling()], device="cpu").save(str(folder))


def reranker(folder: Path, *, labels: int = 1) -> None:
    """A cross-encoder."""
    tokenizer = wordpiece(folder / "raw")
    config = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=128, num_labels=labels, **_SIZE, **_SPREAD
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder / "raw")
    CrossEncoder(str(folder / "raw"), device="cpu").save(str(folder))


def _sentence_transformer(model: Any, folder: Path, pooling: str, *, normalise: bool) -> None:
    model.save_pretrained(folder / "raw")
    modules = [Transformer(str(folder / "raw")), Pooling(_SIZE["hidden_size"], pooling)]
    SentenceTransformer(modules=[*modules, *([Normalize()] if normalise else [])], device="cpu").save(str(folder))


def _saved(made: Any, folder: Path, special: Sequence[str], inputs: Sequence[str], side: str) -> Any:
    kinds = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return _written(made, folder, dict(zip(kinds, special, strict=True)), inputs, side)


def _written(made: Any, folder: Path, names: dict[str, str], inputs: Sequence[str], side: str) -> Any:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, padding_side=side, model_max_length=512, **names)
    tokenizer.model_input_names = list(inputs)
    tokenizer.save_pretrained(folder)
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "model_input_names": list(inputs)}))
    return tokenizer
