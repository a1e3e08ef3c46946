"""Hashes of files are remembered as long as the files cannot have changed."""

import hashlib
import os
from pathlib import Path

from lorekeep_embedder import places
from lorekeep_embedder.models import digests


def _of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _memories() -> list[Path]:
    return list((places.cache() / "digests").glob("*.json"))


def test_a_file_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"some weights")
    assert digests.sha256(path) == _of(b"some weights")
    memory = next(each for each in _memories() if str(path) in each.read_text())
    memory.write_text(memory.read_text().replace(_of(b"some weights"), "f" * 64))
    assert digests.sha256(path) == "f" * 64
    assert digests.read(path) == _of(b"some weights")


def test_other_bytes_of_the_same_size_and_time_are_read(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"some weights")
    before = path.stat()
    digests.sha256(path)
    path.write_bytes(b"evil weights")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests.sha256(path) == _of(b"evil weights")
    other = tmp_path / "other"
    other.write_bytes(b"more weights")
    other.replace(path)
    assert digests.sha256(path) == _of(b"more weights")


def test_a_memory_that_is_damaged_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"some weights")
    digests.sha256(path)
    memory = next(each for each in _memories() if str(path) in each.read_text())
    for damage in ("", "[]", "{}", "null"):
        memory.write_text(damage)
        assert digests.sha256(path) == _of(b"some weights")
        assert str(path) in memory.read_text()
