"""`make bench-parser`: our parser over gRPC, chunked, beside other engines on the same files in the same run.

Pages and seconds on born-digital PDFs, the strings of the test documents found by each engine, a book of 2,000 pages
and a workbook of 100,000 rows. The others run in `.venv-bench`, each in a process of its own, after ours and alone.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.bout import watched
from tests.parser.parser_process import DATA, Client, ParserProcess, of_process, running

from bench import peers
from bench.papers import Paper, book, born_digital, manifest, workbook
from bench.report import conditions, write

_PYTHON = Path(__file__).resolve().parents[1] / ".venv-bench" / "bin" / "python"
_PEER = Path(__file__).with_name("peers.py")
_TICKS = os.sysconf("SC_CLK_TCK")
_OURS = "lorekeep, over gRPC, chunked"
_WANTED_PAGES, _WANTED_BOOK_SECONDS, _WANTED_BOOK_MIB, _WANTED_FIRST_SECONDS, _WANTED_ROWS_SECONDS = 50, 60, 512, 2, 30
_READ_WITH = {"pypdf": (".pdf",), "pypdfium2": (".pdf",)}

Row = tuple[str, ...]


@dataclass
class Measured:
    """One engine on one set of files."""

    engine: str
    cpu_seconds: float
    wall_seconds: float
    peak_mib: int
    texts: dict[str, str]


def main() -> int:
    """Prints three tables; exit status 1 where a bound of ours is missed."""
    given, facts = _given(), conditions()
    with tempfile.TemporaryDirectory(prefix="lk-bench-") as folder:
        kept = Path(folder)
        pdfs, manifested = born_digital(kept), manifest(DATA)
        ours, read, large, ready = asyncio.run(_ours(kept, pdfs, manifested))
        others = [_peer(name, pdfs, given.limit) for name in peers.ENGINES]
        quality = [_peer(name, _readable(name, manifested), given.limit) for name in peers.ENGINES]
        peers_large = _peers_large(kept, given.limit)
    rows = [_speed(each, pdfs) for each in (ours, *others) if each]
    rows += [_strings(each, manifested) for each in (read, *quality) if each]
    rows += [*large, *peers_large, ("service ready after its start, bound 10 s", f"{ready:.1f} s", "", "")]
    write("parser", ("what", "figure", "CPU seconds", "peak MiB"), rows, {"conditions": facts})
    return 0


async def _ours(
    folder: Path, pdfs: list[Paper], manifested: list[Paper]
) -> tuple[Measured, Measured, list[Row], float]:
    begun = time.monotonic()
    async with running(folder / "scratch") as (parser, client):
        ready = time.monotonic() - begun
        await client.parse(pdfs[0].path.read_bytes(), pdfs[0].path.name)
        measured = await _read(parser, client, pdfs)
        documents = await _read(parser, client, manifested)
        large = [await _book(parser, client, folder), await _workbook(parser, client, folder)]
    return measured, documents, large, ready


async def _read(parser: ParserProcess, client: Client, papers: list[Paper]) -> Measured:
    texts, before, begun = {}, _cpu_seconds(parser), time.monotonic()
    async with watched(parser) as peak:
        for each in papers:
            try:
                parsed = await client.parse(each.path.read_bytes(), each.path.name, timeout=330)
            except Exception as error:  # noqa: BLE001 - what is refused is a result; its text is empty
                texts[each.path.name] = f"ERROR:{getattr(error, 'reason', type(error).__name__)}"
            else:
                texts[each.path.name] = parsed.text
    return Measured(_OURS, _cpu_seconds(parser) - before, time.monotonic() - begun, peak[0] // 1024, texts)


async def _book(parser: ParserProcess, client: Client, folder: Path) -> Row:
    paper = book(folder, 2000)
    begun, before, first = time.monotonic(), _cpu_seconds(parser), 0.0
    async with watched(parser) as peak:
        async for message in client.messages(paper.path.read_bytes(), paper.path.name, timeout=330):
            if not first and message.HasField("chunk"):
                first = time.monotonic() - begun
    seconds, spent = time.monotonic() - begun, _cpu_seconds(parser) - before
    what = f"book of 2,000 pages, bounds {_WANTED_BOOK_SECONDS} s, first chunk {_WANTED_FIRST_SECONDS} s"
    return f"{_OURS}: {what}", f"{seconds:.1f} s, first chunk {first:.1f} s", f"{spent:.1f}", str(peak[0] // 1024)


async def _workbook(parser: ParserProcess, client: Client, folder: Path) -> Row:
    measured = await _read(parser, client, [workbook(folder, 100_000)])
    what = f"{_OURS}: workbook of 100,000 rows, bound {_WANTED_ROWS_SECONDS} s"
    return what, f"{measured.wall_seconds:.1f} s", f"{measured.cpu_seconds:.1f}", str(measured.peak_mib)


def _readable(engine: str, papers: list[Paper]) -> list[Paper]:
    endings = _READ_WITH.get(engine)
    return papers if endings is None else [each for each in papers if each.path.suffix in endings]


def _peer(engine: str, papers: list[Paper], limit_seconds: float) -> Measured | None:
    """None where the engine is not installed; what it had not read when its time was over is not in the texts."""
    command = [str(_PYTHON), str(_PEER), engine, *(str(each.path) for each in papers)]
    begun = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_seconds, check=False)
        printed = done.stdout
    except subprocess.TimeoutExpired as over:
        printed = (over.stdout or b"").decode()
    told = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    if not told and time.monotonic() - begun < limit_seconds:
        print(f"{engine} did not run: {done.stderr.splitlines()[-1:]}", file=sys.stderr)
        return None
    return Measured(
        engine,
        sum(each["cpu_seconds"] for each in told),
        sum(each["wall_seconds"] for each in told),
        max([each["peak_mib"] for each in told], default=0),
        {each["file"]: each["text"] for each in told},
    )


def _peers_large(folder: Path, limit_seconds: float) -> list[Row]:
    rows = []
    for paper, what in ((book(folder, 2000), "book of 2,000 pages"), (workbook(folder, 100_000), "100,000 rows")):
        for engine in peers.ENGINES:
            if _readable(engine, [paper]):
                measured = _peer(engine, [paper], limit_seconds)
                rows.append(_large(engine, what, measured, limit_seconds))
    return rows


def _large(engine: str, what: str, measured: Measured | None, limit_seconds: float) -> Row:
    if measured is None or not measured.texts:
        return f"{engine}: {what}", f"not done in {limit_seconds:.0f} s (twice)", "", ""
    return f"{engine}: {what}", f"{measured.wall_seconds:.1f} s", f"{measured.cpu_seconds:.1f}", str(measured.peak_mib)


def _speed(measured: Measured, papers: list[Paper]) -> Row:
    pages = sum(each.pages for each in papers if each.path.name in measured.texts)
    rate = pages / measured.cpu_seconds if measured.cpu_seconds else 0.0
    bound = f", bound {_WANTED_PAGES}" if measured.engine == _OURS else ""
    what = f"{measured.engine}: pages of born-digital PDF per CPU-second, {pages} pages{bound}"
    return what, f"{rate:.0f}", f"{measured.cpu_seconds:.1f}", str(measured.peak_mib)


def _strings(measured: Measured, papers: list[Paper]) -> Row:
    wanted = [(each.path.name, string) for each in papers for string in each.strings]
    found = sum(_flat(string) in _flat(measured.texts.get(name, "")) for name, string in wanted)
    return f"{measured.engine}: strings of the test documents found", f"{found} of {len(wanted)}", "", ""


def _flat(text: str) -> str:
    """Without white space and the marks of tables and Markdown, which engines set as they like."""
    return "".join(each for each in text if not each.isspace() and each not in "|*#\\-")


def _cpu_seconds(parser: ParserProcess) -> float:
    """Of the service: itself, its fork parents, and their children that were waited for."""
    total = 0
    for pid in (parser.pid, *parser.fork_servers()):
        fields = of_process(pid, "stat").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=120.0, help="Seconds that another engine may take for one set.")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
