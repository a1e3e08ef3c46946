"""Seconds until our server is ready, and the memory that it holds."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.embedder import contenders, process_tree, targets
from bench.embedder.contenders import Variant
from bench.embedder.targets import Row
from bench.embedder.workloads import Workload

_READY_SECONDS = 3.0


def rows(variant: Variant, workload: Workload, models_path: Path, starts: int, seconds: float) -> Iterator[Row]:
    """The first start builds what is built once and is not counted."""
    ready, resident, peak = [], 0.0, 0.0
    for number in range(starts + 1):
        begun = time.monotonic()
        with contenders.ours(variant, models_path) as process:
            ready.append(time.monotonic() - begun)
            if number == starts:
                contenders.server_of(variant, process).rate(workload, 8, seconds)
                resident = process_tree.resident_mib(process.process.pid)
                peak = process_tree.peak_mib(process.process.pid)
    what = f"{variant.name}: ready after its start, seconds, median of {starts}"
    yield targets.at_most(what, median(ready[1:]), _READY_SECONDS, form="{:.1f}")
    what = f"{variant.name}: resident memory after {seconds:.0f} s of chunks, MiB (peak {peak:.0f})"
    yield targets.at_most(what, resident, variant.resident_mib, form="{:.0f}")
