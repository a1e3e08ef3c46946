"""Small tokenizers of each kind that is met on the hub, and transformers' own reading of them."""

import dataclasses
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import tokenizers
import transformers
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, processors, trainers

from lorekeep_embedder.models import registry
from lorekeep_embedder.texts.tokenizer import Tokenizer

KINDS = ("bert", "byte-level", "qwen", "metaspace", "one-word", "no-special")
WINDOW_TOKENS = 32
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
_TEXTS = [
    "The garden of words, and the words of a garden: 12,345 plain letters, isn't it?\n\n  And a second line.",
    "naïve façade Größe 機械学習は規則性を学ぶ Привет мир!!! ... --- http://example.com/a_b?c=d",
] * 4
_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@cache
def of_kind(kind: str) -> tuple[Tokenizer, Any]:
    """A tokenizer of ours, and transformers' over the same file."""
    spec = dataclasses.replace(next(iter(registry.load().values())), name=kind, window_tokens=WINDOW_TOKENS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        _written(kind).save(str(path))
        oracle = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path), pad_token="<pad>")
        return Tokenizer(spec, Path(folder)), oracle


def _written(kind: str) -> tokenizers.Tokenizer:
    tokenizer = _trained(kind)
    # As RoBERTa has it: a mask that takes the white space in front of it.
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    begin, end = ("<s>", tokenizer.token_to_id("<s>")), ("</s>", tokenizer.token_to_id("</s>"))
    single = "<s> $A </s>"
    if kind == "bert":
        tokenizer.post_processor = processors.BertProcessing(end, begin)
    elif kind == "byte-level":
        tokenizer.post_processor = processors.RobertaProcessing(end, begin, add_prefix_space=False)
    elif kind == "metaspace":
        pair = "<s> $A </s> </s> $B </s>"
        tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=[begin, end])
    elif kind in ("qwen", "one-word"):
        pair = "$A:0 </s>:0 $B:1 </s>:1"
        tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair=pair, special_tokens=[end])
    return tokenizer


def _trained(kind: str) -> tokenizers.Tokenizer:
    special: dict[str, Any] = {"special_tokens": _SPECIAL, "show_progress": False}
    if kind == "bert":
        tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="<unk>"))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=200, **special)
    elif kind in ("metaspace", "one-word"):
        tokenizer = tokenizers.Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" ", "▁")])
        if kind == "metaspace":
            tokenizer.normalizer = normalizers.NFKC()
            split = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split)
        trainer = trainers.UnigramTrainer(vocab_size=200, unk_token="<unk>", **special)
    else:
        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        if kind == "qwen":
            tokenizer.normalizer = normalizers.NFC()
            split = pre_tokenizers.Split(tokenizers.Regex(_QWEN), "isolated")
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
            )
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, **special)
    tokenizer.train_from_iterator(_TEXTS, trainer)
    return tokenizer
