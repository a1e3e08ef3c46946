"""SHA-256 of files, remembered: weights of gigabytes are read through once, not at every start.

What is remembered holds as long as a file's size, inode and both of its times do; nobody can set back the time of its
last change, so other bytes under the same name are read again. `lorekeep models verify` never asks the memory.
"""

import hashlib
import json
import tempfile
from contextlib import suppress
from pathlib import Path

from lorekeep_embedder import places


def sha256(path: Path) -> str:
    """In hex; from memory where the file has not changed since it was read."""
    identity, memory = _identity(path), _memory_of(path)
    with suppress(OSError, ValueError, TypeError, KeyError):
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["identity"] == identity and len(known["sha256"]) == 64:
            return str(known["sha256"])
    digest = read(path)
    if _identity(path) == identity:
        _remember(memory, {"path": str(path), "identity": identity, "sha256": digest})
    return digest


def read(path: Path) -> str:
    """In hex, by reading the file through."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _identity(path: Path) -> list[int]:
    seen = path.stat()
    return [seen.st_size, seen.st_dev, seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns]


def _memory_of(path: Path) -> Path:
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    return places.cache() / "digests" / f"{name}.json"


def _remember(memory: Path, known: dict[str, object]) -> None:
    """In one step, so that no reader sees half of it; where nothing can be written, nothing is remembered."""
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, delete=False, encoding="utf-8") as file:
            json.dump(known, file)
        Path(file.name).replace(memory)
