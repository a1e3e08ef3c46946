"""How a measurement is shown and kept."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "build" / "bench"


def conditions() -> dict[str, object]:
    """The machine that was measured on, as far as it bears on the figures."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": names[0].partition(": ")[2] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints `rows` as a Markdown table."""
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def write(name: str, head: Sequence[str], rows: Sequence[Sequence[object]], extra: Mapping[str, object]) -> None:
    """Prints `rows` as a Markdown table and keeps them with the conditions in build/bench/NAME.json."""
    table(head, rows)
    FOLDER.mkdir(parents=True, exist_ok=True)
    facts = {"rows": [dict(zip(head, row, strict=True)) for row in rows], **extra}
    (FOLDER / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
