"""What a person sees: progress while the suite starts, the table of its processes, its failures."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lorekeep_chassis.suite import journal
from lorekeep_chassis.suite.state import Record, State

_FAILURE_LINES = 25
_COLUMNS = ("PROCESS", "STATE", "PID", "PORT", "RESTARTS", "MEMORY", "READY")


class Progress:
    """A line per process once it is ready, and on a terminal one line that says what is waited for."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._live = sys.stdout.isatty()

    def show(self, records: Sequence[Record], seconds: float) -> None:
        """Prints what changed since the last call, `seconds` after the start."""
        for each in records:
            if self._shown.get(each.name) != each.state and each.state in ("ready", "restarting"):
                self._line(f"  {each.name:12} {each.state:11} {seconds:5.1f} s")
            self._shown[each.name] = each.state
        waiting = [each.name for each in records if each.state != "ready"]
        if self._live and waiting:
            print(f"\r\033[K  {seconds:4.0f} s, waiting for {', '.join(waiting)}", end="", flush=True)

    def end(self) -> None:
        """Clears the moving line."""
        self._line("")

    def _line(self, text: str) -> None:
        if self._live:
            print("\r\033[K", end="")
        if text:
            print(text, flush=True)


def failure(state: State) -> str:
    """Why the suite did not start, with the last lines of the log that says more."""
    lines = [f"lorekeep did not start: {state.failure or 'the supervisor ended.'}"]
    if state.failure_log:
        log = Path(state.failure_log)
        lines += [f"The last lines of {log}:", *(f"  | {line}" for line in journal.tail(log, _FAILURE_LINES))]
    return "\n".join(lines)


def welcome(state: State) -> str:
    """The address, the key, and what to try first."""
    command = "lorekeep" if shutil.which("lorekeep") else str(Path(sys.executable).with_name("lorekeep"))
    curl = (
        f'curl -H "Authorization: Bearer $(cat {state.key_file})" -H "Content-Type: application/json" '
        f'-d \'{{"query": "how do I begin"}}\' {state.url}/api/v1/collections/demo/search'
    )
    notes = "".join(f"{note}\n" for note in state.notes)
    return (
        f"{notes}lorekeep is ready at {state.url}\nThe administrator's key is in {state.key_file}. Try:\n"
        f"  {command} ingest ./docs --collection demo --wait\n"
        f'  {command} search demo "how do I begin"\n'
        f"  {curl}"
    )


def table(state: State, rows: Sequence[dict[str, object]], total_bytes: int) -> str:
    """The processes as aligned columns, and the memory of all."""
    cells = [_COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_COLUMNS))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([f"lorekeep at {state.url}: {state.phase}", *lines, f"memory of all: {_mebibytes(total_bytes)}"])


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    memory = _mebibytes(int(str(row["memory_bytes"])))
    ready = "yes" if row["ready"] else f"no: {row['detail']}"
    port = str(row["port"] or "-")
    return (str(row["name"]), str(row["state"]), str(row["pid"]), port, str(row["restarts"]), memory, ready)


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
