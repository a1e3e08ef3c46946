"""The embedder on a CUDA device: throughput, batch sizes, a memory that ends, and queries beside bulk work.

`make bench-gpu`. Beside it runs sentence-transformers with its default settings, on the same device and texts, and the
device's own matrix product, which no model can pass. Times are wall times: the machine should do nothing else.
Without CUDA it ends with 2. `--device cpu --small` runs the same code on the CPU; its figures say nothing of a GPU.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from prometheus_client import REGISTRY
from sentence_transformers import SentenceTransformer

from bench.gpu_subject import Subject
from bench.report import conditions, table, write
from lorekeep_chassis import calls
from lorekeep_chassis.errors import Unavailable
from lorekeep_embedder.backends.seam import Outputs, Tokens
from lorekeep_embedder.backends.torch import devices
from lorekeep_embedder.scheduling.scheduler import Scheduler
from lorekeep_embedder.scheduling.throughput import BatchSize, Throughput

_REQUEST_TEXTS = 256
_OVERHEAD_TOKENS = 16
_ON_CPU = "Run on the CPU: the code was exercised, and no figure here says anything of a GPU."


def main() -> None:
    arguments = _arguments()
    try:
        devices.opened("cuda" if arguments.device == "auto" else arguments.device)
    except Unavailable as error:
        print(f"{error.message}\n`python -m bench.gpu --device cpu --small` runs the same code on the CPU.")
        sys.exit(2)
    before = conditions()
    bench = Subject(arguments)
    bench.backend.compute(bench.whole_batch(bench.backend.batch_tokens))
    ceiling = _ceiling(bench)
    rows = [*_throughput(bench, ceiling), *_curve_rows(bench, ceiling), *_recovery(bench)]
    rows += asyncio.run(_mixed_lanes(bench))
    device = _device_facts(bench)
    if bench.backend.device == "cpu":
        print(f"\n{_ON_CPU}\n")
    write(bench.effort.report, ("what", "figure"), rows, {"conditions": before, "model": bench.spec.name, **device})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.gpu", description=__doc__)
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--precision", choices=("auto", "float16", "bfloat16", "float32"), default="auto")
    parser.add_argument("--model", default="", help="a name of the registry, its first where none is given")
    parser.add_argument("--models-path", default="", help="the directory that has the model's folder")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--small", action="store_true", help="a minute of it, to see that it runs")
    return parser.parse_args()


def _seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _synchronised(bench: Subject) -> None:
    if bench.backend.device == "cuda":
        torch.cuda.synchronize()


def _ceiling(bench: Subject) -> float:
    """Operations a second of a large matrix product in the model's precision: the best of ten."""
    size, device = bench.effort.matrix, bench.backend.device
    left, right = (torch.randn(size, size, device=device).to(devices.DTYPES[bench.backend.precision]) for _ in "ab")

    def product() -> None:
        torch.matmul(left, right)
        _synchronised(bench)

    product()
    return 2 * size**3 / min(_seconds(product) for _ in range(10))


def _operations_a_token(bench: Subject, length: float) -> float:
    """Two for each weight that is multiplied, and attention's two products with the other tokens of a text."""
    model: Any = bench.backend._model.modules[0].model
    weights = sum(each.numel() for name, each in model.named_parameters() if "embed" not in name)
    return float(2 * weights + 4 * model.config.num_hidden_layers * model.config.hidden_size * length)


def _throughput(bench: Subject, ceiling: float) -> list[tuple[str, object]]:
    """The same texts through the scheduler and through sentence-transformers, in turn; medians."""
    naive = SentenceTransformer(str(bench.folder), device=bench.backend.device, local_files_only=True)
    naive.encode(bench.texts[:64])
    ours, theirs = [], []
    for _ in range(bench.effort.rounds):
        ours.append(_seconds(lambda: asyncio.run(_all_of(bench))))
        theirs.append(_seconds(lambda: naive.encode(bench.texts)))
    tokens = sum(map(len, bench.tokens_of(bench.texts)))
    rates = [tokens / median(each) for each in (ours, theirs)]
    operations = rates[0] * _operations_a_token(bench, tokens / len(bench.texts))
    return [
        ("texts", f"{len(bench.texts)} of {tokens / len(bench.texts):.0f} tokens"),
        ("lorekeep, texts a second", f"{len(bench.texts) / median(ours):.1f}"),
        ("lorekeep, tokens a second", f"{rates[0]:.0f}"),
        ("sentence-transformers as it comes, texts a second", f"{len(bench.texts) / median(theirs):.1f}"),
        ("sentence-transformers as it comes, tokens a second", f"{rates[1]:.0f}"),
        ("lorekeep over sentence-transformers", f"{rates[0] / rates[1]:.2f}"),
        (f"matrix product in {bench.backend.precision}, TFLOP/s", f"{ceiling / 1e12:.3f}"),
        ("lorekeep's share of it", f"{operations / ceiling:.1%}"),
    ]


@asynccontextmanager
async def _scheduled(bench: Subject) -> AsyncIterator[Callable[[Sequence[str], calls.Lane], Any]]:
    """Two sessions, as a process has them on CUDA, and a call that embeds texts by them."""
    scheduler, throughput = Scheduler(2), Throughput(2, BatchSize(bench.backend.batch_tokens, _OVERHEAD_TOKENS))
    running = asyncio.create_task(scheduler.run())

    async def embed(texts: Sequence[str], lane: calls.Lane) -> Outputs:
        tokens = await asyncio.to_thread(bench.tokens_of, texts)
        with calls.calling_as(calls.CallContext("bench", "", "", lane)):
            return await scheduler.compute(bench.backend, throughput, tokens)

    try:
        yield embed
    finally:
        running.cancel()
        await asyncio.wait([running])


async def _all_of(bench: Subject) -> None:
    async with _scheduled(bench) as embed:
        starts = range(0, len(bench.texts), _REQUEST_TEXTS)
        await asyncio.gather(*(embed(bench.texts[at : at + _REQUEST_TEXTS], calls.Lane.BULK) for at in starts))


def _curve_rows(bench: Subject, ceiling: float) -> list[tuple[str, object]]:
    """Tokens a second by the batch's budget, texts of 128 tokens, one session."""
    rates = {}
    for budget in bench.effort.budgets:
        batch = bench.whole_batch(budget)
        bench.backend.compute(batch)
        seconds = median(_seconds(lambda: bench.backend.compute(batch)) for _ in range(10))  # noqa: B023
        rates[budget] = 128 * len(batch) / seconds, seconds
    operations = _operations_a_token(bench, 128)
    rows = [
        (budget, f"{rate:.0f}", f"{1000 * seconds:.2f}", f"{rate * operations / ceiling:.1%}")
        for budget, (rate, seconds) in rates.items()
    ]
    table(("tokens a batch", "tokens a second", "ms a batch", "of the matrix product"), rows)
    print()
    return [(f"batch of {budget} tokens, tokens a second", f"{rate:.0f}") for budget, (rate, _) in rates.items()]


def _recovery(bench: Subject) -> list[tuple[str, object]]:
    """A batch of four budgets in a memory that holds about one: its vectors, what it cost, and what follows."""
    backend = bench.backend
    batch = bench.whole_batch(4 * backend.batch_tokens)
    whole = backend.compute(batch).vectors
    names = ("embedding_out_of_memory_total", "embedding_batch_reductions_total")
    before, budget = [REGISTRY.get_sample_value(name) or 0 for name in names], backend.room_tokens
    with _little_memory(bench, batch) as how:
        halved = backend.compute(batch).vectors
        lowered = backend.room_tokens
    after = [(REGISTRY.get_sample_value(name) or 0) - was for name, was in zip(names, before, strict=True)]
    cosine = np.sum(whole * halved, axis=1) / np.linalg.norm(whole, axis=1) / np.linalg.norm(halved, axis=1)
    return [
        (f"out of memory ({how}), runs that failed / batches halved", f"{after[0]:.0f} / {after[1]:.0f}"),
        ("out of memory, smallest cosine to the undivided batch", f"{cosine.min():.6f}"),
        ("out of memory, batch budget before / after", f"{budget} / {lowered}"),
        ("out of memory, the next request", f"{backend.compute(bench.whole_batch(256)).vectors.shape[0]} texts"),
    ]


@contextmanager
def _little_memory(bench: Subject, batch: Sequence[Tokens]) -> Iterator[str]:
    """On CUDA a share of the card: what is held, and 30 % of what the batch takes beside it."""
    backend = bench.backend
    if backend.device == "cpu":
        backend.room = 128 * len(batch) // 4
        try:
            yield "simulated"
        finally:
            backend.room = None
        return
    peak = backend._device.peak_bytes(lambda: backend._run(batch))
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 0.3 * peak) / total)
    try:
        yield "a share of the card's memory"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


async def _mixed_lanes(bench: Subject) -> list[tuple[str, object]]:
    """Queries one after another: alone, and while bulk requests never let the sessions rest."""
    async with _scheduled(bench) as embed:
        await _queries(embed, 3)
        idle = await _queries(embed, bench.effort.queries)
        bulk = [asyncio.create_task(_endless(bench, embed)) for _ in range(4)]
        await asyncio.sleep(0.2)
        busy = await _queries(embed, bench.effort.queries)
        for each in bulk:
            each.cancel()
        await asyncio.wait(bulk)
    return [
        ("a query alone, ms p50 / p95", _spread(idle)),
        ("a query beside bulk work, ms p50 / p95", _spread(busy)),
        ("p95 beside bulk work over alone", f"{quantiles(busy, n=20)[-1] / quantiles(idle, n=20)[-1]:.2f}"),
    ]


async def _queries(embed: Callable[[Sequence[str], calls.Lane], Any], count: int) -> list[float]:
    seconds = []
    for number in range(count):
        begin = time.perf_counter()
        await embed([f"how is setting {number} changed?"], calls.Lane.INTERACTIVE)
        seconds.append(time.perf_counter() - begin)
    return seconds


async def _endless(bench: Subject, embed: Callable[[Sequence[str], calls.Lane], Any]) -> None:
    while True:
        await embed(bench.texts[:_REQUEST_TEXTS], calls.Lane.BULK)


def _spread(seconds: Sequence[float]) -> str:
    return f"{1000 * median(seconds):.2f} / {1000 * quantiles(seconds, n=20)[-1]:.2f}"


def _device_facts(bench: Subject) -> dict[str, object]:
    backend = bench.backend
    facts = {"device": backend.device, "precision": backend.precision, "memory_bytes": backend.memory_bytes}
    if backend.device == "cuda":
        return {**facts, "card": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda}
    return {**facts, "note": _ON_CPU, "torch": torch.__version__}


if __name__ == "__main__":
    main()
