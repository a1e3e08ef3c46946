"""The files of an ingest: what the given paths hold, each with the document id that it gets every time."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class File(NamedTuple):
    """A file to send. `problem` is a reason and a sentence where it is known beforehand that it cannot be sent."""

    path: Path
    document_id: str
    problem: tuple[str, str] | None = None


def files(paths: Iterable[Path]) -> list[File]:
    """Every regular file of the paths, in the order of the paths and then of names; each file once.

    In folders, hidden files and folders and links to folders are left out. A document's id is the path below the given
    folder, or the name of a file that was given itself: so it is the same when the command runs again. Of two files
    that would be one document, the second is a problem.
    """
    found: list[File] = []
    seen: set[Path] = set()
    owners: dict[str, Path] = {}
    for each in (file for path in paths for file in _below(path)):
        real = each.path.resolve()
        if real in seen:
            continue
        seen.add(real)
        owner = owners.setdefault(each.document_id, each.path)
        found.append(each if owner == each.path else _double(each, owner))
    return found


def _below(path: Path) -> Iterator[File]:
    if not path.is_dir():
        yield _file(path, path.name)
        return
    refused: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=refused.append):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(each for each in names if not each.startswith(".")):
            file = Path(folder, name)
            if file.is_file() or file.is_symlink():
                yield _file(file, file.relative_to(path).as_posix())
    for error in refused:
        unreadable = Path(os.fsdecode(error.filename))
        yield File(unreadable, _utf8(unreadable.name), ("unreadable", error.strerror or "The folder cannot be read."))


def _file(path: Path, document_id: str) -> File:
    return File(path, _utf8(document_id))


def _double(file: File, owner: Path) -> File:
    message = f"It would be the same document as {owner}. Give the folder above both instead."
    return file._replace(problem=("duplicate_id", message))


def _utf8(name: str) -> str:
    """A name that is not UTF-8, as file systems allow, with replacement signs: ids are text."""
    return os.fsencode(name).decode("utf-8", "replace")
