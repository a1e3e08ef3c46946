"""One hostile file against a running parser: how it ended, how long it took, how much memory its child had."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lorekeep_chassis.errors import LorekeepError
from tests.hostile.cases import OK, Case
from tests.parser import small_files
from tests.parser.parser_process import Client, ParserProcess, of_process

DEADLINE_SECONDS = 300.0
MOST_GROWTH_MIB = 64
_SAMPLE_SECONDS = 0.02
_GRACE_SECONDS = 20.0
_KIBIBYTE = 1024


@dataclass(frozen=True)
class Bout:
    """What one file did. `wrong` says what should not be; empty where all is well."""

    title: str
    outcome: str
    seconds: float
    peak_mib: int
    wrong: str

    def row(self) -> tuple[str, ...]:
        """A line of the table."""
        return self.title, self.outcome, f"{self.seconds:.1f}", str(self.peak_mib), self.wrong or "-"


async def warmed(client: Client) -> None:
    """Waits until both fork servers are there, whose memory would count as grown otherwise."""
    await client.parse(small_files.docx(small_files.word_xml("The lamp burned.")), "first.docx")


async def fought(parser: ParserProcess, client: Client, case: Case, *, lighter: bool = False) -> Bout:
    """Parses the file, or its lighter kind, then a normal document; gives what happened."""
    make = case.lighter if lighter and case.lighter else case.make
    data, before = await asyncio.to_thread(make), resident_mib(parser)
    async with watched(parser) as peak:
        begun = time.monotonic()
        outcome, text = await outcome_of(client, data, case.name, DEADLINE_SECONDS + _GRACE_SECONDS, **case.start)
        seconds = time.monotonic() - begun
    wrong = _wrong(case, outcome, text, seconds) or await _after(parser, client, before)
    return Bout(case.title, outcome, seconds, peak[0] // _KIBIBYTE, wrong)


async def outcome_of(client: Client, data: bytes, name: str, timeout: float, **start: Any) -> tuple[str, str]:
    """How a document ended, `ok` or a reason, and its text or the message."""
    try:
        parsed = await client.parse(data, name, timeout, **start)
    except LorekeepError as error:
        return error.reason, error.message
    return OK, " ".join(parsed.text.split())


def _wrong(case: Case, outcome: str, text: str, seconds: float) -> str:
    if outcome not in case.ends:
        return f"ends as one of {sorted(case.ends)}: {text[:200]}" if outcome != OK else "should not be read"
    if outcome == OK and case.says not in text:
        return f"{case.says!r} is not found"
    if case.hides and case.hides in text:
        return "a file of the machine was read"
    return "too late" if seconds > DEADLINE_SECONDS + _GRACE_SECONDS else ""


async def _after(parser: ParserProcess, client: Client, before: int) -> str:
    """The service is well, its children are gone, memory is given back."""
    parsed = await client.parse(small_files.book(3), "book.pdf")
    if parsed.verdict.pages_read != 3 or (await parser.probe("/health/ready"))[0] != 200:
        return "the service is not well"
    for _ in range(250):
        if not parser.forked() and resident_mib(parser) <= before + MOST_GROWTH_MIB:
            return "" if _scratch_is_empty(parser.temp_dir) else "scratch files are left"
        await asyncio.sleep(_SAMPLE_SECONDS)
    return f"children {parser.forked()} are left, memory went from {before} to {resident_mib(parser)} MiB"


def _scratch_is_empty(temp_dir: Path) -> bool:
    return not any(each.name.startswith("document-") for root in temp_dir.iterdir() for each in root.iterdir())


def resident_mib(parser: ParserProcess) -> int:
    """Memory of the processes that stay."""
    return sum(_kib(pid, "VmRSS") for pid in (parser.pid, *parser.fork_servers())) // _KIBIBYTE


@asynccontextmanager
async def watched(parser: ParserProcess) -> AsyncIterator[list[int]]:
    """Most memory, in KiB, that one child had for itself inside; in the first place of the list."""
    peak = [0]

    async def watch() -> None:
        while True:
            peak[0] = max([peak[0], *(_kib(pid, "VmHWM") for pid in parser.forked())])
            await asyncio.sleep(_SAMPLE_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        task.cancel()


def _kib(pid: int, name: str) -> int:
    try:
        lines = of_process(pid, "status").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(each.split()[1]) for each in lines if each.startswith(f"{name}:")), 0)
