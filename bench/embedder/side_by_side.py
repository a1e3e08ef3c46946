"""Contenders one after the other, round after round: texts per server-CPU-second, and the limit in the same rounds."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.embedder.processes import EmbedderProcess

from bench.embedder import ceiling, contenders, counters, offered, targets
from bench.embedder.contenders import Contender, InProcess, Naive, Server, Variant
from bench.embedder.targets import Row
from bench.embedder.workloads import Model, Workload

CHUNK_CONNECTIONS, QUERY_CONNECTIONS = 8, (64, 1, 8, 32)
_AGAINST = {
    # workload: {peer: (must, aim)}
    "chunks": {"infinity float32": (2.3, 3.0), "infinity bfloat16": (1.4, 1.7)},
    "queries": {"infinity float32": (3.0, 4.0), "infinity bfloat16": (2.0, 2.5)},
}
_SHARES = {"float32": (70.0, 85.0), "bfloat16": (65.0, 75.0)}
_OVERHEADS = {"chunks": (5.0, 3.0), "queries": (25.0, 15.0)}
_SHAPE_SECONDS = 0.25
_JUDGED = {("chunks", CHUNK_CONNECTIONS), ("queries", QUERY_CONNECTIONS[0])}


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    peers: bool


@dataclass
class Rates:
    """Texts per CPU-second by (contender, workload, connections), one a round; the limits in GFLOP/s likewise."""

    rates: dict[tuple[str, str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    limits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def of(self, contender: str, workload: str, connections: int) -> float:
        """The median; 0 where it was not measured."""
        found = self.rates.get((contender, workload, connections))
        return median(found) if found else 0.0

    def ratio(self, one: str, other: str, workload: str, connections: int) -> float:
        """How many times the other's, as the median of the rounds: what disturbs a round disturbs both."""
        pairs = zip(self.rates[one, workload, connections], self.rates[other, workload, connections], strict=True)
        return median(mine / theirs for mine, theirs in pairs)

    def facts(self) -> dict[str, object]:
        """All rounds, for the JSON."""
        rates = {f"{who}: {what} at {at}": values for (who, what, at), values in self.rates.items()}
        return {"texts_per_cpu_second": rates, "gflops": self.limits}


def measured(
    model: Model, variants: Sequence[Variant], workloads: Sequence[Workload], plan: Plan, models_path: Path
) -> Rates:
    """All contenders stay up the whole time: an idle one costs nothing."""
    rates = Rates()
    with ExitStack() as stack:
        batch_texts: dict[str, dict[tuple[str, int], float]] = {}
        everybody: list[Contender] = []
        for variant in variants:
            process = stack.enter_context(contenders.ours(variant, models_path))
            server = contenders.server_of(variant, process)
            batch_texts[variant.name] = _batch_texts(server, process, workloads, plan)
            child = stack.enter_context(contenders.in_process(variant, models_path))
            everybody += [server, InProcess(variant, child, batch_texts[variant.name])]
        if plan.peers:
            everybody += [stack.enter_context(contenders.infinity(model, each)) for each in offered.precisions()]
            naive = contenders.sentence_transformers(contenders.PEER_PYTHON, model.folder)
            everybody.append(Naive(stack.enter_context(naive)))
        for number in range(plan.rounds):
            print(f"round {number + 1} of {plan.rounds}", file=sys.stderr)
            for precision in offered.precisions():
                rates.limits[precision].append(ceiling.gflops(precision, min(_SHAPE_SECONDS, plan.seconds / 20)))
            for workload, connections in _points(workloads):
                # Only the first of a workload's points has targets; the others are shown.
                seconds = plan.seconds if (workload.name, connections) in _JUDGED else plan.seconds / 2
                for each in everybody:
                    found = each.rate(workload, connections, seconds)
                    rates.rates[each.name, workload.name, connections].append(found)
    return rates


def _points(workloads: Sequence[Workload]) -> Iterator[tuple[Workload, int]]:
    for workload in workloads:
        for connections in (CHUNK_CONNECTIONS,) if workload.name == "chunks" else QUERY_CONNECTIONS:
            yield workload, connections


def _batch_texts(
    server: Server, process: EmbedderProcess, workloads: Sequence[Workload], plan: Plan
) -> dict[tuple[str, int], float]:
    """Texts a batch, on average, that the scheduler forms of each workload; it warms the server too."""
    found = {}
    for workload, connections in _points(workloads):
        before = counters.read(process)
        server.rate(workload, connections, plan.seconds)
        found[workload.name, connections] = counters.batch_texts(counters.since(process, before))
    return found


def rows(rates: Rates, model: Model, variants: Sequence[Variant], workloads: Sequence[Workload]) -> Iterator[Row]:
    """Every rate, then every target. The last variant is the one that this machine is best served with."""
    for (who, what, connections), values in rates.rates.items():
        yield Row(f"{who}: {what} at {connections}, texts per server-CPU-second", targets.spread(values))
    for precision, values in rates.limits.items():
        yield Row(f"GEMM limit, {precision}, GFLOP/s of one core", targets.spread(values, "{:.0f}"))
    for workload in workloads:
        connections = CHUNK_CONNECTIONS if workload.name == "chunks" else QUERY_CONNECTIONS[0]
        yield from _against(rates, variants, workload.name, connections)
        if workload.name == "chunks":
            yield from _shares(rates, model, variants, workload)
        yield from _overheads(rates, variants, workload.name, connections)


def _against(rates: Rates, variants: Sequence[Variant], workload: str, connections: int) -> Iterator[Row]:
    best = max(variants, key=lambda each: rates.of(each.name, workload, connections))
    for peer, (must, aim) in _AGAINST[workload].items():
        if rates.of(peer, workload, connections):
            times = rates.ratio(best.name, peer, workload, connections)
            what = f"{workload} at {connections}: {best.name} against {peer}, times"
            yield targets.at_least(what, times, must, aim)


def _shares(rates: Rates, model: Model, variants: Sequence[Variant], workload: Workload) -> Iterator[Row]:
    """The target of a precision is held by the better of its backends; the others are shown."""
    flops = workload.flops_a_text(model.config)
    for precision, (must, aim) in _SHARES.items():
        limits = rates.limits.get(precision, [])
        shares = {
            each.name: 100 * flops * rates.of(each.name, workload.name, CHUNK_CONNECTIONS) / limit / 1e9
            for each in variants
            if each.precision == precision
            for limit in limits and [median(limits)]
        }
        for name, share in shares.items():
            what = f"of the GEMM limit, end to end over gRPC: {name}, %"
            best = share == max(shares.values())
            yield targets.at_least(what, share, must, aim, form="{:.0f}") if best else Row(what, f"{share:.0f}")


def _overheads(rates: Rates, variants: Sequence[Variant], workload: str, connections: int) -> Iterator[Row]:
    must, aim = _OVERHEADS[workload]
    for each in variants:
        over = 100 * (rates.ratio(f"in process: {each.name}", each.name, workload, connections) - 1)
        what = f"{workload} at {connections}: CPU over the in-process backend: {each.name}, %"
        yield targets.at_most(what, over, must, aim, form="{:.1f}")
