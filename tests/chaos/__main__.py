"""`python -m tests.chaos --seed 1 --documents 200 --kills 40`; exit status 1 where a promise was broken."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos import script, table
from tests.chaos.storm import Report, Say, Storm
from tests.chaos.world import world
from tests.e2e.suite import DATA, ROOT

_FOLDER = ROOT / "build" / "chaos"


def run(seed: int, documents: int, kills: int, folder: Path, say: Say) -> Report:
    """One storm over a suite of its own, whose home lies in `folder`."""
    items = script.write(seed, documents, DATA / "docs")
    with world(folder) as it:
        return asyncio.run(Storm(it, seed, items, kills, say).run())


def main() -> int:
    """Prints the table and keeps it; the logs of a suite that broke a promise are kept too."""
    given = _given()
    with tempfile.TemporaryDirectory(prefix="lk-chaos-") as folder:
        report = run(given.seed, given.documents, given.kills, Path(folder), lambda line: print(line, flush=True))
        print(table.shown(report))
        print(table.write(report, _FOLDER))
        if report.tally.violation_count:
            shutil.copytree(Path(folder) / "home" / "logs", _FOLDER / f"{given.seed}-logs", dirs_exist_ok=True)
    return int(report.tally.violation_count > 0)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--kills", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
