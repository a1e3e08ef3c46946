"""What an ingest has done so far, on disk, so that the same command run again goes on where it stopped.

A journal belongs to one service, one collection and one folder. It is a text file to which lines of JSON are added: a
heading, then a line for each thing that became known of a file; the last line of a file counts. A last line that was
cut off by a crash is dropped, since what it would have told is found out from the service instead. In memory there are
only the places of the last lines.
"""

import errno
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from lorekeep_sdk.command.files import File
from lorekeep_sdk.command.screen import error_console, safe
from lorekeep_sdk.errors import LorekeepError

SENDING, ACCEPTED, REFUSED = "sending", "accepted", "refused"
_FORMAT = 1


class JournalError(LorekeepError):
    """A journal that cannot be used; the message says why and what to do."""


class Entry(NamedTuple):
    """What is known of a file: the state in which it was sent, and what became of it.

    `asked` stands for what was asked for beside the bytes. `outcome` is `sending`, `accepted`, the status in which its
    job ended, or `refused` where the service will never take it as it is.
    """

    file: str
    document_id: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    asked: str
    outcome: str
    job_id: str | None = None
    upload_id: str | None = None
    reason: str = ""
    message: str = ""


class Journal:
    """One journal, locked for this process until `close`. Adding and finding may be called from any thread."""

    def __init__(self, path: Path, heading: Mapping[str, Any], *, fresh: bool = False) -> None:
        self._mutex = threading.Lock()
        self._places: dict[bytes, int] = {}
        self._write = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _lock(self._write, path)
            self._begin(path, _line({"lorekeep_ingest_journal": _FORMAT, **heading}), fresh)
            self._read = path.open("rb")
            self._load()
        except BaseException:
            os.close(self._write)
            raise

    def find(self, file: str, document_id: str) -> Entry | None:
        """What is known last of a file; None where nothing is."""
        with self._mutex:
            place = self._places.get(_key(file, document_id))
            if place is None:
                return None
            self._read.seek(place)
            return _entry(self._read.readline())

    def add(self, entry: Entry, *, durable: bool = True) -> None:
        """Adds what became known; when it returns, a `durable` entry outlives a loss of power too."""
        line = _line(entry._asdict())
        with self._mutex:
            place = os.lseek(self._write, 0, os.SEEK_END)
            if os.write(self._write, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._places[_key(entry.file, entry.document_id)] = place
        if durable:
            os.fsync(self._write)

    def close(self) -> None:
        """Gives the lock back."""
        self._read.close()
        os.close(self._write)

    def _begin(self, path: Path, first: bytes, fresh: bool) -> None:
        """Sees to the heading; a file that does not begin like this journal is refused."""
        with path.open("rb") as file:
            found = file.readline(64 * 1024)
        if not first.startswith(found):
            _refuse_foreign(path, found)
            if not fresh:
                raise JournalError(
                    f"The journal {path} is of another service or collection. "
                    "Give another one, or --fresh to replace it."
                )
        if fresh or found != first:
            os.ftruncate(self._write, 0)
            os.write(self._write, first)

    def _load(self) -> None:
        """Finds the last line of each file, and drops what is behind the last whole line."""
        place = len(self._read.readline())
        for line in self._read:
            if not line.endswith(b"\n"):
                break
            entry = _entry(line)
            if entry is not None:
                self._places[_key(entry.file, entry.document_id)] = place
            place += len(line)
        os.ftruncate(self._write, place)


class Journals:
    """The journals of one run: one for each folder, or the one that was named."""

    def __init__(
        self, url: str, collection_id: str, roots: Iterable[Path], *, named: Path | None = None, fresh: bool = False
    ) -> None:
        self._about = {"url": url, "collection": collection_id}
        self._named = named
        self._fresh = fresh
        self._roots = {root: root.resolve() for root in roots}
        self._journals: dict[Path, Journal] = {}
        self._failed = False
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.callback(self._stack.close)
            for root in dict.fromkeys(self._roots.values()):
                one = next(iter(self._journals.values()), None) if self._named else None
                self._journals[root] = one or self._opened(root)
            opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes them all."""
        self._stack.close()

    def find(self, file: File) -> Entry | None:
        """What is known last of a file."""
        root = self._roots[file.root]
        return self._journals[root].find(str(root / file.document_id), file.document_id)

    def add(self, file: File, entry: Entry, *, durable: bool = True) -> None:
        """Adds what became known of a file. A journal that cannot be written any more is told once, and stops nothing:
        a second run sends again what is not in it."""
        root = self._roots[file.root]
        try:
            self._journals[root].add(entry._replace(file=str(root / file.document_id)), durable=durable)
        except OSError as error:
            if not self._failed:
                self._failed = True
                error_console().print(safe(f"The journal cannot be written any more: {error}."))

    def _opened(self, root: Path) -> Journal:
        about: dict[str, Any] = self._about if self._named else {**self._about, "folder": str(root)}
        try:
            path = self._named or _default_path(about)
            journal = Journal(path, about, fresh=self._fresh)
        except (OSError, RuntimeError) as error:
            if self._named:
                raise JournalError(f"The journal {self._named} cannot be used: {error}. Give another one.") from None
            error_console().print(safe(f"No journal can be kept ({error}): a second run will send everything again."))
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            journal = Journal(Path(folder, "journal"), about)
        self._stack.callback(journal.close)
        return journal


def _default_path(about: Mapping[str, str]) -> Path:
    """In the user's folder for state; OSError or RuntimeError where there is none that can be written."""
    given = os.environ.get("XDG_STATE_HOME", "")
    state = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    folder = state / "lorekeep" / "ingest"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{hashlib.sha256(_line(about)).hexdigest()[:32]}.jsonl"


def _refuse_foreign(path: Path, first: bytes) -> None:
    """A file that is no journal is never written to."""
    try:
        known = "lorekeep_ingest_journal" in json.loads(first)
    except (ValueError, TypeError):
        known = False
    if not known:
        raise JournalError(f"{path} is no journal of `lorekeep ingest`, and is left as it is. Give another one.")


def _lock(number: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: the service keeps two runs from doubling anything
        return
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalError(
            f"Another `lorekeep ingest` is at work on this folder and collection (journal {path}). "
            "Wait until it ends, or give --journal for a second one."
        ) from None


def _entry(line: bytes) -> Entry | None:
    """The entry in a line; None for a line that holds none."""
    try:
        entry = Entry(**json.loads(line))
        whole = isinstance(entry.size_bytes, int) and isinstance(entry.mtime_ns, int)
        texts = (entry.file, entry.document_id, entry.sha256, entry.asked, entry.outcome, entry.reason, entry.message)
    except (ValueError, TypeError):
        return None
    return entry if whole and all(isinstance(each, str) for each in texts) else None


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _key(file: str, document_id: str) -> bytes:
    return hashlib.blake2b(f"{file}\0{document_id}".encode("utf-8", "surrogatepass"), digest_size=12).digest()
