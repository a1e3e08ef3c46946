"""The suite as a newcomer meets it: first start, later start, idle memory, the ingest of a folder.

`make bench-suite`; the folder is that of the tests (LOREKEEP_TEST_DATA).
"""

import json
import tempfile
import time
from pathlib import Path

from tests.e2e.suite import DATA, Suite, running

from bench.report import conditions, write

_SETTLE_SECONDS = 10
_MEBIBYTE = 1024 * 1024


def main() -> None:
    before = conditions()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        rows = [*_first(home), *_second(home)]
    write("suite", ("what", "figure"), rows, {"conditions": before})


def _first(home: Path) -> list[tuple[str, object]]:
    begun = time.monotonic()
    with running(home) as suite:
        started = time.monotonic() - begun
        time.sleep(_SETTLE_SECONDS)
        memory = _memory(suite)
        begun = time.monotonic()
        rows = _ingested(suite)
        ingested = time.monotonic() - begun
        return [
            ("first start until ready", f"{started:.1f} s"),
            *memory,
            (
                f"ingest of {len(rows)} documents, {sum(row['status'] == 'succeeded' for row in rows)} succeeded",
                f"{ingested:.1f} s",
            ),
            *[(f"{name}, after the ingest", figure) for name, figure in _memory(suite)[-1:]],
        ]


def _second(home: Path) -> list[tuple[str, object]]:
    begun = time.monotonic()
    with running(home):
        return [("second start until ready", f"{time.monotonic() - begun:.1f} s")]


def _memory(suite: Suite) -> list[tuple[str, object]]:
    facts = json.loads(suite.verb("status", "--json").stdout)
    rows = [(f"idle memory of {each['name']} (PSS)", each["memory_bytes"]) for each in facts["processes"]]
    rows.append(("idle memory of all processes (PSS)", facts["memory_bytes"]))
    return [(name, f"{size / _MEBIBYTE:.0f} MiB") for name, size in rows]


def _ingested(suite: Suite) -> list[dict[str, object]]:
    result = suite.lorekeep("ingest", str(DATA / "docs"), "--collection", "bench", "--wait", "--json")
    found: list[dict[str, object]] = json.loads(result.stdout)["documents"]
    return found


if __name__ == "__main__":
    main()
