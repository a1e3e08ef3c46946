"""Log files: written to by the processes themselves, kept small by the supervisor, read by people."""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_KEPT_COUNT = 3
_BYTES = 10 * 1024 * 1024
_POLL_SECONDS = 0.3


def files(folder: Path, name: str) -> list[Path]:
    """The logs of a role and of its replicas (`gateway`, `gateway-2`), sorted; all for an empty name."""
    logs = sorted(folder.glob("*.log"))
    return [log for log in logs if not name or name in (log.stem, log.stem.rpartition("-")[0])]


@contextmanager
def appending(log: Path) -> Iterator[int]:
    """The descriptor of a log file that is open for a process to add to."""
    with log.open("ab") as file:
        yield file.fileno()


def rotate(log: Path, limit_bytes: int = _BYTES) -> None:
    """Copies a log that has grown over the limit to LOG.1 and empties it; three copies are kept.

    The file stays the same, since its writer holds it open; a line written between copy and cut is lost.
    """
    if not log.exists() or log.stat().st_size < limit_bytes:
        return
    for number in range(_KEPT_COUNT - 1, 0, -1):
        if _copy(log, number).exists():
            _copy(log, number).replace(_copy(log, number + 1))
    shutil.copyfile(log, _copy(log, 1))
    with log.open("r+b") as file:
        file.truncate(0)


def tail(log: Path, count: int) -> list[str]:
    """The last `count` lines of a log; none where it does not exist."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - count * 1000))
        return file.read().decode(errors="replace").splitlines()[-count:]


def show(logs: Iterable[Path], count: int) -> None:
    """Prints the last lines of each log."""
    for log in logs:
        _print(log, tail(log, count))


def follow(logs: list[Path]) -> None:
    """Prints what is added to the logs, until interrupted."""
    places = {log: log.stat().st_size for log in logs}
    while True:
        for log, place in places.items():
            places[log] = _print_since(log, place)
        time.sleep(_POLL_SECONDS)


def _print_since(log: Path, place: int) -> int:
    """Prints whole lines from `place`, or from the start where the log was emptied; gives the new place."""
    with log.open("rb") as file:
        file.seek(place if log.stat().st_size >= place else 0)
        begun = file.tell()
        whole, newline, _ = file.read().rpartition(b"\n")
    _print(log, whole.decode(errors="replace").splitlines())
    return begun + len(whole) + len(newline)


def _print(log: Path, lines: Iterable[str]) -> None:
    for line in lines:
        print(f"{log.stem:12} | {line}")
    sys.stdout.flush()


def _copy(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
