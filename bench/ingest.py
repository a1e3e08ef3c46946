"""200 documents through the whole suite against each stage alone; memory while gigabytes pass.

`make bench-ingest`; the documents are those of the tests (LOREKEEP_TEST_DATA). `--gigabytes 0` leaves the second part
out, `--documents` makes the first one smaller.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.e2e.suite import Suite, running

from bench import corpus, processes
from bench.corpus import Paper
from bench.report import conditions, write
from bench.stages import Stages
from lorekeep_sdk import AsyncLorekeep

_COLLECTION = "bench"
_SENDERS = 4
_CORES = len(os.sched_getaffinity(0))
_HEAVY_BYTES = 46 * processes.MEBIBYTE
_GIGABYTE = 1000**3
_WATCHED = ("gateway", "ingest")
_CHUNKS = 20_000
_WANTED_RATIO, _WANTED_MIB = 1.25, 200

Row = tuple[str, object]


def main() -> None:
    given, before = _given(), conditions()
    rows = _side_by_side(corpus.papers(given.documents))
    if given.gigabytes:
        rows += _memory(given.gigabytes, given.chunks)
    write("ingest", ("what", "figure"), rows, {"conditions": before})


def _side_by_side(papers: list[Paper]) -> list[Row]:
    """A fresh suite takes all in, then each of its stages does its part of it again."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as suite:
        asyncio.run(_ingested(suite, "warm", papers[:4]))
        earlier, begun = processes.cpu_seconds(suite), time.monotonic()
        ended = asyncio.run(_ingested(suite, _COLLECTION, papers))
        wall, later = time.monotonic() - begun, processes.cpu_seconds(suite)
        stages = Stages(suite)
        alone = asyncio.run(stages.measured(papers))
    spent = {role: seconds - earlier[role] for role, seconds in later.items()}
    chunks = sum(map(len, stages.chunks))
    floor = max(*alone.values(), sum(spent.values()) / _CORES)
    return [
        (f"ingest of {len(papers)} documents, {ended['succeeded']} succeeded, {chunks} chunks", f"{wall:.1f} s"),
        ("chunks a second", round(chunks / wall, 1)),
        *((f"{name} alone", f"{seconds:.1f} s") for name, seconds in alone.items()),
        *((f"CPU of {role}", f"{seconds:.1f} s") for role, seconds in sorted(spent.items(), key=lambda each: -each[1])),
        (f"CPU of all over {_CORES} cores", f"{sum(spent.values()) / _CORES:.1f} s"),
        (f"wall over the larger of both, at most {_WANTED_RATIO}", round(wall / floor, 2)),
    ]


def _memory(gigabytes: float, chunks: int) -> list[Row]:
    """Resident memory of both gateway roles while documents of few words and many bytes pass, and many small ones."""
    count = round(gigabytes * _GIGABYTE / _HEAVY_BYTES)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "home") as suite,
        processes.sampled(suite, _WATCHED) as memory,
    ):
        begun = time.monotonic()
        ended = asyncio.run(_ingested(suite, _COLLECTION, _mixed(Path(folder), count, chunks)))
        wall = time.monotonic() - begun
    rows: list[Row] = [(f"{gigabytes} GB in {count} heavy documents, ends: {dict(ended)}", f"{wall:.0f} s")]
    for role in _WATCHED:
        rows.append((f"peak memory of {role} (RSS), less than {_WANTED_MIB} MiB", f"{memory.peak_mib(role)} MiB"))
        rows.append((f"growth of {role} over the second half", f"{memory.slope_mib_a_minute(role)} MiB a minute"))
    return rows


def _mixed(folder: Path, count: int, chunks: int) -> Iterator[Paper]:
    """Heavy documents evenly among the others; each is made when it is sent."""
    others = list(corpus.long_texts(chunks))
    for number in range(count):
        yield from others[number * len(others) // count : (number + 1) * len(others) // count]
        path = corpus.heavy(folder, number, _HEAVY_BYTES)
        yield Paper(path.name, path.read_bytes())
        path.unlink()


async def _ingested(suite: Suite, collection: str, papers: Iterable[Paper]) -> Counter[str]:
    """Sends documents, some at once, and waits for all; gives their ends."""
    ends: Counter[str] = Counter()
    async with AsyncLorekeep(suite.url, suite.key, deadline_seconds=600) as client:
        await client.collections.create(collection)
        waiting, jobs = iter(papers), []

        async def sender() -> None:
            for paper in waiting:
                answer = await client.documents.add(collection, paper.data, name=paper.name)
                assert answer["job"], "a fresh suite knows no document yet"
                jobs.append(answer["job"]["id"])

        await asyncio.gather(*(sender() for _ in range(_SENDERS)))
        for job in jobs:
            ends[(await client.jobs.wait(job, timeout_seconds=3600))["status"]] += 1
    return ends


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-ingest", description=__doc__)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--chunks", type=int, default=_CHUNKS, help="of the small documents beside the heavy ones")
    return parser.parse_args()


if __name__ == "__main__":
    main()
