"""`make bench-fuzz`: damaged documents against one parser for minutes; exit status 1 where one ended without a type."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.hostile import bout, fuzzing
from tests.parser.parser_process import DATA, running

from bench.report import conditions, write

_SECONDS_A_MINUTE = 60


async def _fuzzed(folder: Path, minutes: float, first_seed: int) -> tuple[fuzzing.Tally, int, int]:
    async with running(folder) as (parser, client):
        await bout.warmed(client)
        before = bout.resident_mib(parser)
        until = time.monotonic() + minutes * _SECONDS_A_MINUTE
        tally = await fuzzing.fuzz(parser, client, DATA, range(first_seed, sys.maxsize), until, print)
        return tally, before, bout.resident_mib(parser)


def main() -> int:
    """Prints what was unusual as it comes, then the table."""
    given = _given()
    facts = conditions()
    with tempfile.TemporaryDirectory(prefix="lk-fuzz-") as folder:
        tally, before, after = asyncio.run(_fuzzed(Path(folder), given.minutes, given.seed))
    rows: list[tuple[str, object]] = [
        ("documents", sum(tally.outcomes.values())),
        *tally.outcomes.most_common(),
        ("outcomes without a type, or a dead service", len(tally.holes)),
        ("memory of the service before / after, MiB", f"{before} / {after}"),
    ]
    write("fuzz", ("what", "figure"), rows, {"conditions": facts, "holes": tally.holes, "crashed": tally.crashed})
    return 1 if tally.holes else 0


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="How long to go on.")
    parser.add_argument("--seed", type=int, default=1, help="First seed; each document takes the next one.")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
