"""The files of an ingest: what the given paths hold, each with the document id that it gets every time."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class File(NamedTuple):
    """A file to send. `problem` is a reason and a sentence where it is known beforehand that it cannot be sent; `root`
    is the folder that its document id is a path in."""

    path: Path
    document_id: str
    problem: tuple[str, str] | None = None
    root: Path = Path()


def files(paths: Sequence[Path]) -> Iterator[File]:
    """Every regular file of the paths, in the order of the paths and then of names; each file once.

    In folders, hidden files and folders and links to folders are left out. A document's id is the path below the given
    folder, or the name of a file that was given itself: so it is the same when the command runs again. Of two files
    that would be one document, the second is a problem. Of what was given already only short digests are kept.
    """
    seen: set[bytes] = set()
    owners: dict[bytes, Path] = {}
    for path in paths:
        root = root_of(path)
        for real, each in _below(path, root):
            if (digest := _digest(real)) in seen:
                continue
            seen.add(digest)
            name = _digest(each.document_id)
            yield _double(each, owners[name] / each.document_id) if name in owners else each
            owners.setdefault(name, root)


def root_of(path: Path) -> Path:
    """The folder that document ids of a given path are paths in: itself, or where the file lies."""
    return path if path.is_dir() else path.parent


def _below(path: Path, root: Path) -> Iterator[tuple[str, File]]:
    """The files of a path, each with where it really lies."""
    if not path.is_dir():
        yield os.path.realpath(path), File(path, _utf8(path.name), root=root)
        return
    refused: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=refused.append):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        home = os.path.realpath(folder)
        for name in sorted(each for each in names if not each.startswith(".")):
            file = Path(folder, name)
            if file.is_symlink():
                yield os.path.realpath(file), _file(file, root)
            elif file.is_file():
                yield f"{home}/{name}", _file(file, root)
    for error in refused:
        unreadable = Path(os.fsdecode(error.filename))
        problem = ("unreadable", error.strerror or "The folder cannot be read.")
        yield f"{unreadable}/", File(unreadable, _utf8(unreadable.name), problem, root)


def _file(path: Path, root: Path) -> File:
    return File(path, _utf8(path.relative_to(root).as_posix()), root=root)


def _double(file: File, owner: Path) -> File:
    message = f"It would be the same document as {owner}. Give the folder above both instead."
    return file._replace(problem=("duplicate_id", message))


def _digest(name: str) -> bytes:
    return hashlib.blake2b(os.fsencode(name), digest_size=12).digest()


def _utf8(name: str) -> str:
    """A name that is not UTF-8, as file systems allow, with replacement signs: ids are text."""
    return os.fsencode(name).decode("utf-8", "replace")
