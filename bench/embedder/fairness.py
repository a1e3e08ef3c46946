"""Interactive queries on an idle embedder and beside bulk work that keeps it busy, phase by phase."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.embedder.processes import EmbedderProcess

from bench.embedder import clients, contenders, counters, loads, targets
from bench.embedder.contenders import Variant
from bench.embedder.conversation import talking
from bench.embedder.loads import percentile
from bench.embedder.targets import Row
from bench.embedder.workloads import Workload
from lorekeep_chassis.calls import Lane

_QUERIES_A_SECOND, _CALLERS, _SHARE = 10.0, 4, 0.95
_MUST, _AIM = 2.5, 1.5
_SETTLE_SECONDS = 2.0


def rows(variant: Variant, queries: Workload, models_path: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """Wall times: on a machine with other work they say little. Queries come at random times, 10 a second."""
    idle: list[float] = []
    loaded: list[float] = []
    with contenders.ours(variant, models_path) as process:
        asyncio.run(_latencies(process, queries, min(seconds, _SETTLE_SECONDS)))
        counted: Counter[str] = Counter()
        for _ in range(rounds):
            idle += asyncio.run(_latencies(process, queries, seconds))
            with _pressure(process):
                asyncio.run(asyncio.sleep(min(seconds, _SETTLE_SECONDS)))
                before = counters.read(process)
                loaded += asyncio.run(_latencies(process, queries, seconds))
                counted.update(counters.since(process, before))
    batch = counters.batch_seconds(counted, Lane.BULK)
    quiet, busy = percentile(idle, _SHARE), percentile(loaded, _SHARE)
    yield Row(f"{variant.name}: query p95 while idle, ms, of {len(idle)}", f"{1000 * quiet:.1f}")
    yield Row(f"{variant.name}: a bulk batch beside them, ms on average", f"{1000 * batch:.1f}")
    yield Row(f"{variant.name}: query p50 while bulk saturates, ms", f"{1000 * percentile(loaded, 0.5):.1f}")
    bulk = counted["embedding_texts_total{lane=bulk}"] / (rounds * seconds)
    yield Row(f"{variant.name}: bulk texts a second beside them", f"{bulk:.1f}")
    what = f"{variant.name}: query p95 while bulk saturates, ms; bounds are {_MUST} and {_AIM} times idle plus a batch"
    bounds = [1000 * (times * quiet + batch) for times in (_MUST, _AIM)]
    yield targets.at_most(what, 1000 * busy, *bounds, form="{:.1f}")


@contextmanager
def _pressure(process: EmbedderProcess) -> Iterator[None]:
    with talking([sys.executable, "-m", "bench.embedder.pressure", str(process.grpc_port)]):
        yield


async def _latencies(process: EmbedderProcess, queries: Workload, seconds: float) -> list[float]:
    async with clients.over_grpc(process.grpc_port, Lane.INTERACTIVE, _CALLERS) as callers:
        await clients.all_called(callers, queries.texts[:1])
        tally = await loads.opened(callers, queries.requests(), seconds=seconds, texts_a_second=_QUERIES_A_SECOND)
    assert tally.texts["answered"], f"no query was answered: {tally.texts}"
    return tally.latencies
