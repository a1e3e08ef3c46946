"""What an ingest shows while it runs: bars on a terminal, a line a file elsewhere, nothing for `--json`."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from lorekeep_sdk.answers import Job
from lorekeep_sdk.command import job_words
from lorekeep_sdk.command.files import File
from lorekeep_sdk.command.ingest_rows import GOOD, Row, why
from lorekeep_sdk.command.screen import safe, status_text
from lorekeep_sdk.errors import LorekeepApiError

_WIDE_CHARACTERS = 110
_TOLD_AGAIN_SECONDS = 10.0


class Quiet:
    """Shows nothing; the shape of the others."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the showing."""

    def begun(self, file: File, size_bytes: int) -> None:
        """The upload of a file begins."""

    def sent(self, file: File, count_bytes: int) -> None:
        """So much of the file has been sent."""

    def looked(self, file: File, job: Job) -> None:
        """The job as it is now."""

    def waits(self, seconds: float, refusal: LorekeepApiError) -> None:
        """The service is full, and is asked again after so many seconds."""

    def ended(self, file: File, row: Row) -> None:
        """The file is done with."""


class Lines(Quiet):
    """A line for each file when it is done with."""

    def __init__(self, console: Console, count: int) -> None:
        self._console = console
        self._count = count
        self._ended = 0
        self._told_until = 0.0

    def waits(self, seconds: float, refusal: LorekeepApiError) -> None:
        """Prints a line, once for all who wait for the same."""
        if time.monotonic() >= self._told_until:
            self._told_until = time.monotonic() + max(seconds, _TOLD_AGAIN_SECONDS)
            self._console.print(Text(_waiting(seconds, refusal), style="dim"), soft_wrap=True)

    def ended(self, file: File, row: Row) -> None:
        """Prints the line."""
        self._ended += 1
        line = Text(f"[{self._ended}/{self._count}] {safe(row['document_id'])}: ").append_text(
            status_text(row["status"])
        )
        if row["reason"]:
            line.append(" ").append_text(why(row))
        self._console.print(line, soft_wrap=True)


class Bars(Quiet):
    """A bar for each file under way: bytes while it is sent, then stage and pages; one bar over all of them.

    Failures are printed above the bars when they happen.
    """

    def __init__(self, console: Console, count: int) -> None:
        wide = console.width >= _WIDE_CHARACTERS
        self._name_characters = 40 if wide else 24
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(bar_width=28 if wide else 12, complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[now]}", style="dim", markup=False, table_column=Column(no_wrap=True, ratio=1)),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            expand=True,
        )
        self._all = self._progress.add_task("", total=count, name=self._name("all files"), now=f"0/{count}")
        self._count = count
        self._ended = 0
        self._bars: dict[File, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes the bars away and gives the terminal back."""
        self._progress.stop()

    def begun(self, file: File, size_bytes: int) -> None:
        """Adds the file's bar."""
        name = self._name(safe(file.document_id))
        self._bars[file] = self._progress.add_task("", total=max(1, size_bytes), name=name, now="sending")

    def sent(self, file: File, count_bytes: int) -> None:
        """Moves the file's bar."""
        self._progress.update(self._bars[file], completed=count_bytes)

    def looked(self, file: File, job: Job) -> None:
        """Turns the bar to the job's pages or chunks; it pulses while their number is unknown."""
        if file not in self._bars:
            self.begun(file, 0)
        done, total = job_words.share(job)
        bar = self._bars[file]
        # `update` ignores a total of None, so a bar without a known total is made by hand.
        self._progress.tasks[self._progress.task_ids.index(bar)].total = total
        self._progress.update(bar, completed=done, now=job_words.now(job))

    def waits(self, seconds: float, refusal: LorekeepApiError) -> None:
        """Tells it beside the bar over all files."""
        self._progress.update(self._all, now=_waiting(seconds, refusal))

    def ended(self, file: File, row: Row) -> None:
        """Takes the file's bar away."""
        self._ended += 1
        bar = self._bars.pop(file, None)
        if bar is not None:
            self._progress.remove_task(bar)
        self._progress.update(self._all, completed=self._ended, now=f"{self._ended}/{self._count}")
        if row["status"] not in GOOD:
            line = Text("✗ ", style="red").append(safe(row["document_id"]), style="bold").append("  ")
            self._progress.console.print(line.append_text(why(row)))

    def _name(self, name: str) -> str:
        """A name of a fixed width; of a long one the end says more than the start."""
        longest = self._name_characters
        short = name if len(name) <= longest else f"…{name[1 - longest :]}"
        return f"{short:<{longest}}"


def _waiting(seconds: float, refusal: LorekeepApiError) -> str:
    return safe(f"waiting {seconds:.0f} s: {' '.join(refusal.message.split())} ({refusal.reason})")
