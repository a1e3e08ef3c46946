"""`make bench-embedder-soak`: twice the capacity for MINUTES=10, both lanes, several organisations; memory stays flat.

Exit status 1 where a bound is missed. Bulk requests come at twice the rate that the server was measured at, and queries
beside them, at random times and with deadlines.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.embedder.processes import EmbedderProcess

from bench.embedder import clients, contenders, counters, loads, offered, overload, process_tree, targets
from bench.embedder.contenders import Variant
from bench.embedder.loads import Tally, percentile
from bench.embedder.targets import Row
from bench.embedder.workloads import Model, Workload, chunks, queries
from bench.report import conditions, write

_SECONDS_A_MINUTE, _PEAK_SECONDS, _SAMPLE_SECONDS = 60.0, 20.0, 5.0
_QUERIES_A_SECOND, _CALLERS, _ORGANISATIONS = 20.0, 16, 5
_DEADLINES = {"interactive": 2.0, "bulk": 10.0}
_GROWTH_PERCENT = 2.0


@dataclass
class Soaked:
    """What a soak gave: tallies by lane, memory as it went, what the server counted."""

    capacity: float
    tallies: dict[str, Tally]
    memory_mib: list[float]
    counted: Counter[str]


def main() -> int:
    """Prints the table and keeps it in build/bench/embedder-soak.json."""
    given, facts, model = _given(), conditions(), Model.default()
    variant = offered.variants()[-1]
    seconds = given.minutes * _SECONDS_A_MINUTE
    with (
        tempfile.TemporaryDirectory(prefix="lk-bench-") as folder,
        contenders.ours(variant, Path(folder)) as process,
    ):
        found = asyncio.run(_soaked(process, chunks(model), queries(model), seconds))
    rows = list(_rows(variant, found, seconds))
    write("embedder-soak", targets.HEAD, [each.cells() for each in rows], {"conditions": facts})
    return int(any(each.verdict == targets.MISSED for each in rows))


async def _soaked(process: EmbedderProcess, bulk: Workload, asked: Workload, seconds: float) -> Soaked:
    bulk = replace(bulk, request_texts=overload.REQUEST_TEXTS)
    capacity = await overload.peak(process, bulk, min(seconds, _PEAK_SECONDS))
    before, memory = counters.read(process), list[float]()
    async with asyncio.TaskGroup() as tasks:
        sampling = tasks.create_task(_sampled(process.process.pid, memory))
        loaded = [
            tasks.create_task(_loaded(process, bulk, seconds, 2 * capacity)),
            tasks.create_task(_loaded(process, asked, seconds, _QUERIES_A_SECOND)),
        ]
        tallies = {each.lane.value: await load for each, load in zip((bulk, asked), loaded, strict=True)}
        sampling.cancel()
    return Soaked(capacity, tallies, memory, counters.since(process, before))


async def _loaded(process: EmbedderProcess, workload: Workload, seconds: float, texts_a_second: float) -> Tally:
    deadline = _DEADLINES[workload.lane.value]
    async with clients.over_grpc(process.grpc_port, workload.lane, _CALLERS, _ORGANISATIONS, deadline) as callers:
        return await loads.opened(callers, workload.requests(), seconds=seconds, texts_a_second=texts_a_second)


async def _sampled(pid: int, memory: list[float]) -> None:
    while True:
        memory.append(process_tree.resident_mib(pid))
        await asyncio.sleep(_SAMPLE_SECONDS)


def _rows(variant: Variant, found: Soaked, seconds: float) -> Iterator[Row]:
    yield Row(f"{variant.name}: capacity, chunks a second of wall time", f"{found.capacity:.1f}")
    total: Counter[str] = Counter()
    for lane, tally in found.tallies.items():
        total.update(tally.texts)
        yield Row(f"{lane}: texts answered a second", f"{tally.goodput(0.0, seconds):.1f}")
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in tally.texts.most_common())
        yield Row(f"{lane}: texts by outcome, deadlines of {_DEADLINES[lane]:g} s", outcomes)
        times = [f"{1000 * percentile(tally.latencies, share):.0f}" for share in (0.5, 0.95)]
        yield Row(f"{lane}: p50 and p95 of those answered, ms", " / ".join(times))
    yield targets.at_most("failed otherwise, texts", total["failed"], 0, form="{:.0f}")
    yield overload.wasted(variant.name, found.counted, total)
    quarter = max(1, len(found.memory_mib) // 4)
    second, last = (
        median(found.memory_mib[quarter : 2 * quarter] or found.memory_mib),
        median(found.memory_mib[-quarter:]),
    )
    yield Row("resident memory, MiB: second quarter / last quarter", f"{second:.1f} / {last:.1f}")
    yield targets.at_most("growth between them, %", 100 * (last / second - 1), _GROWTH_PERCENT, form="{:.1f}")


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-embedder-soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
