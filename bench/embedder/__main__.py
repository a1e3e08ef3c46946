"""`make bench-embedder`: our embedder beside infinity-emb and plain sentence-transformers, and under load.

Everything runs on one thread. Contenders take turns, round after round; figures are texts per CPU-second of the
server's process tree (user and system time of all its threads by /proc), medians of the rounds with the least and the
most. What the callers spend is not counted. infinity is asked over HTTP by its own server, ours over gRPC; the naive
peer calls encode in a loop. The GEMM limit is measured in the same rounds: the best of torch, OpenVINO and ONNX Runtime
with the shapes of the model's layers, CPU time. A text of n tokens costs l * (2n(4h² + 2hi) + 4n²h) floating-point
operations, h numbers a token, i numbers in between, l layers, padding not counted; the share of the limit is texts per
CPU-second times that, over the limit. Over the in-process backend: the same texts through tokeniser and backend alone,
in batches of the mean size that the scheduler formed.

Queries' waiting times and goodput are wall times and want an otherwise idle machine. Exit status 1 where a must is
missed, which is told on the standard error.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from bench.embedder import contenders, exactness, fairness, footprint, offered, overload, side_by_side, targets
from bench.embedder.contenders import Variant
from bench.embedder.targets import Row
from bench.embedder.workloads import Model, chunks, queries
from bench.report import conditions, write

_PARTS = ("chunks", "queries", "lanes", "goodput", "exactness", "footprint")
_VERSIONS = ("openvino", "onnxruntime", "torch", "sentence-transformers", "tokenizers", "grpcio")


class Bench:
    """One run: what was asked for, and what all parts share."""

    def __init__(self, given: argparse.Namespace, models_path: Path) -> None:
        self._given = given
        self._model = Model.default()
        self._chunks = replace(chunks(self._model), request_texts=given.request_texts)
        self._queries = queries(self._model)
        self._variants = offered.variants([each.replace("-", " ") for each in given.variants])
        self._models_path = models_path
        self.facts: dict[str, object] = {}

    def rows(self) -> Iterator[Row]:
        """Part after part; a part that was not asked for gives nothing."""
        parts: dict[str, Callable[[], Iterator[Row]]] = {
            "footprint": lambda: self._each(self._footprint),
            "exactness": self._exactness,
            "lanes": lambda: self._each(self._lanes),
            "goodput": self._goodput,
        }
        yield from self._side_by_side()
        for name, part in parts.items():
            if name in self._given.only:
                print(f"{name} ...", file=sys.stderr)
                yield from part()

    def _side_by_side(self) -> Iterator[Row]:
        workloads = [each for each in (self._chunks, self._queries) if each.name in self._given.only]
        if workloads:
            given = self._given
            plan = side_by_side.Plan(given.rounds, given.seconds, peers=not given.no_peers)
            rates = side_by_side.measured(self._model, self._variants, workloads, plan, self._models_path)
            self.facts |= rates.facts()
            yield from side_by_side.rows(rates, self._model, self._variants, workloads)

    def _each(self, part: Callable[[Variant], Iterator[Row]]) -> Iterator[Row]:
        for variant in self._variants:
            yield from part(variant)

    def _footprint(self, variant: Variant) -> Iterator[Row]:
        given = self._given
        return footprint.rows(variant, self._chunks, self._models_path, min(given.rounds, 3), given.seconds)

    def _exactness(self) -> Iterator[Row]:
        return exactness.rows(self._model, self._variants, self._models_path, self._given.texts)

    def _lanes(self, variant: Variant) -> Iterator[Row]:
        given = self._given
        return fairness.rows(variant, self._queries, self._models_path, given.rounds, 2 * given.seconds)

    def _goodput(self) -> Iterator[Row]:
        given = self._given
        return overload.rows(self._variants[-1], self._chunks, self._models_path, given.rounds, 4 * given.seconds)


def main() -> int:
    """Prints the table and keeps it, with every round, in build/bench/embedder.json."""
    given, facts = _given(), {**conditions(), "flags": sorted(offered.flags()), "versions": _versions()}
    with tempfile.TemporaryDirectory(prefix="lk-bench-") as folder:
        bench = Bench(given, Path(folder))
        rows = list(bench.rows())
    name = "embedder-quick" if given.quick else "embedder"
    write(name, targets.HEAD, [each.cells() for each in rows], {"conditions": facts, "rounds": bench.facts})
    missed = [each.what for each in rows if each.verdict == targets.MISSED]
    print("".join(f"missed: {each}\n" for each in missed), end="", file=sys.stderr)
    return int(bool(missed))


def _versions() -> dict[str, str]:
    found = {name: metadata.version(name) for name in _VERSIONS}
    peers = contenders.PEER_PYTHON.parents[1] / "lib"
    return found | {
        f"peers: {each.name.removesuffix('.dist-info')}": "" for each in peers.glob("*/*/torch-*.dist-info")
    }


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-embedder", description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(_PARTS), help=",".join(_PARTS))
    parser.add_argument("--variants", type=lambda text: text.split(","), default=[], help="openvino-bfloat16,...")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of a phase")
    parser.add_argument("--request-texts", type=int, default=32, help="chunks in a request")
    parser.add_argument("--texts", type=int, default=0, help="abstracts compared for exactness, 0 for all")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--quick", action="store_true", help="very short phases of ours alone: that it runs at all")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.seconds, given.texts, given.request_texts, given.no_peers = 1, 0.5, 24, 1, True
    return given


if __name__ == "__main__":
    sys.exit(main())
