"""Vectors as they come over gRPC against float32 sentence-transformers, and against those of a text that is alone."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tests.embedder.processes import EmbedderProcess

from bench.embedder import clients, contenders, targets, workloads
from bench.embedder.contenders import Variant
from bench.embedder.conversation import Conversation
from bench.embedder.targets import Row
from bench.embedder.workloads import Model
from lorekeep_chassis.calls import Lane
from lorekeep_embedder.backends.seam import Vectors

_COSINE = {"float32": 0.99999, "bfloat16": 0.9999}
_MOVED = {"float32": 1e-6, "bfloat16": 2e-3}
_OVERLAP, _TOP = 0.99, 10
_REQUEST_TEXTS = 32


def rows(model: Model, variants: Sequence[Variant], folder: Path, texts: int) -> Iterator[Row]:
    """`texts` is how many abstracts are compared, 0 for the whole judged collection."""
    passages = [each["text"] for each in workloads.documents()][: texts or None]
    passages = model.cut(passages)
    asked = [each["text"] for each in workloads.claims()][: texts or None]
    with contenders.sentence_transformers(sys.executable, model.folder) as oracle:
        wanted = [_oracle(oracle, each, folder) for each in (passages, asked)]
    for variant in variants:
        with contenders.ours(variant, folder) as process:
            found = [_embedded(process, each, model) for each in (passages, asked)]
        cosine = min(float((mine * theirs).sum(axis=1).min()) for mine, theirs in zip(found, wanted, strict=True))
        what = f"{variant.name}: cosine to float32 sentence-transformers, least of {len(passages) + len(asked)}"
        yield targets.at_least(what, cosine, _COSINE[variant.precision], form="{:.6f}")
        yield targets.at_least(
            f"{variant.name}: top {_TOP} kept, of {len(asked)} queries over {len(passages)}",
            _overlap(_top(*found), _top(*wanted)),
            _OVERLAP,
            form="{:.4f}",
        )
        with contenders.in_process(variant, folder) as child:
            moved = float(child.ask("invariance", texts=[*passages[:120], *asked[:40]])["difference"])
        what = f"{variant.name}: the same text alone and in any batch, largest difference"
        yield targets.at_most(what, moved, _MOVED[variant.precision], form="{:.1e}")


def _oracle(child: Conversation, texts: list[str], folder: Path) -> Vectors:
    path = folder / "oracle.npy"
    child.ask("vectors", texts=texts, path=str(path))
    found: Vectors = np.load(path)
    return found


def _embedded(process: EmbedderProcess, texts: Sequence[str], model: Model) -> Vectors:
    return asyncio.run(_answered(process.grpc_port, texts, model))


async def _answered(port: int, texts: Sequence[str], model: Model) -> Vectors:
    async with clients.over_grpc(port, Lane.BULK, 1) as (call,):
        parts = [await call(texts[at : at + _REQUEST_TEXTS]) for at in range(0, len(texts), _REQUEST_TEXTS)]
    return np.frombuffer(b"".join(parts), "<f4").reshape(len(texts), model.config["hidden_size"])


def _top(passages: Vectors, asked: Vectors) -> list[set[int]]:
    return [set(map(int, row)) for row in np.argsort(-(asked @ passages.T), axis=1)[:, :_TOP]]


def _overlap(found: list[set[int]], wanted: list[set[int]]) -> float:
    return float(np.mean([len(mine & theirs) / len(theirs) for mine, theirs in zip(found, wanted, strict=True)]))
