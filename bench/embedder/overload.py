"""Twice what our server can do: how much of its best it still does, and what becomes of the rest."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from tests.embedder.processes import EmbedderProcess

from bench.embedder import clients, contenders, counters, loads, targets
from bench.embedder.contenders import Variant
from bench.embedder.loads import Tally
from bench.embedder.targets import Row
from bench.embedder.workloads import Workload

REQUEST_TEXTS, CALLERS, ORGANISATIONS = 8, 16, 4
_MUST, _AIM = 90.0, 97.0
_REFUSED_PERCENT, _WASTED_PERCENT = 90.0, 2.0
_DEADLINE_SHARE = 0.25


@dataclass
class Overload:
    """Rounds of a closed load, then twice its rate with deadlines."""

    peaks: list[float] = field(default_factory=list)
    goodputs: list[float] = field(default_factory=list)
    texts: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)


async def peak(process: EmbedderProcess, workload: Workload, seconds: float) -> float:
    """Texts a second of wall time where there is always enough to do."""
    async with clients.over_grpc(process.grpc_port, workload.lane, CALLERS, ORGANISATIONS) as callers:
        await clients.all_called(callers, workload.texts[:1])
        tally = await loads.closed(callers, workload.requests(), seconds)
        return tally.goodput(0.0, max(each.at for each in tally.answers) - tally.begun)


def rows(variant: Variant, chunks: Workload, models_path: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """Both in wall time, one after the other; a deadline is a quarter of the phase, which is measured after it."""
    workload, deadline = (
        replace(chunks, request_texts=min(REQUEST_TEXTS, chunks.request_texts)),
        seconds * _DEADLINE_SHARE,
    )
    found = Overload()
    with contenders.ours(variant, models_path) as process:
        asyncio.run(peak(process, workload, seconds / 4))
        for _ in range(rounds):
            found.peaks.append(asyncio.run(peak(process, workload, seconds / 2)))
            before = counters.read(process)
            tally = asyncio.run(_overloaded(process, workload, 2 * found.peaks[-1], seconds, deadline))
            found.counted.update(counters.since(process, before))
            found.goodputs.append(tally.goodput(deadline, seconds))
            found.texts.update(tally.texts)
    yield from _told(variant, found, deadline)


async def _overloaded(
    process: EmbedderProcess, workload: Workload, texts_a_second: float, seconds: float, deadline: float
) -> Tally:
    port, lane = process.grpc_port, workload.lane
    async with clients.over_grpc(port, lane, CALLERS, ORGANISATIONS, deadline) as callers:
        return await loads.opened(callers, workload.requests(), seconds=seconds, texts_a_second=texts_a_second)


def _told(variant: Variant, found: Overload, deadline: float) -> Iterator[Row]:
    name, texts = variant.name, found.texts
    yield Row(f"{name}: peak, chunks a second of wall time", targets.spread(found.peaks))
    yield Row(f"{name}: goodput at twice that, deadlines of {deadline:g} s", targets.spread(found.goodputs))
    share = 100 * median(good / best for good, best in zip(found.goodputs, found.peaks, strict=True))
    yield targets.at_least(f"{name}: goodput at twice the capacity, % of the peak", share, _MUST, _AIM, form="{:.0f}")
    lost = texts["refused"] + texts["expired"] + texts["failed"]
    what = f"{name}: refused at once, % of the {lost} texts without an answer ({texts['expired']} expired)"
    yield targets.at_least(what, 100 * texts["refused"] / max(1, lost), _REFUSED_PERCENT, form="{:.0f}")
    yield wasted(name, found.counted, texts)


def wasted(name: str, counted: Counter[str], texts: Counter[str]) -> Row:
    """Texts that the server computed and no caller got. One that expires while its batch runs cannot be called back."""
    computed = counted["embedding_texts_total"]
    share = 100 * max(0.0, computed - texts["answered"]) / max(1.0, computed)
    what = f"{name}: computed for nobody, % of {computed:.0f} texts computed"
    return targets.at_most(what, share, _WASTED_PERCENT, form="{:.1f}")
