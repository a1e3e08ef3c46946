"""What a process that was killed while it wrote left in a directory of blobs.

The object store writes beside the name, `NAME#1`, and renames when all is there. It neither lists nor removes such
names, so they are looked for as files. A bucket has a rule of its own for unfinished uploads.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_UNFINISHED = re.compile(r".+#[0-9]+")


def remove_strays(home: Path, before: datetime) -> list[str]:
    """Removes unfinished files below `home` that nobody has written to since `before`; gives their names below it."""
    removed = []
    for path, changed_at in _unfinished(home):
        if changed_at <= before:
            path.unlink(missing_ok=True)
            removed.append(str(path.relative_to(home)))
    return sorted(removed)


def _unfinished(home: Path) -> Iterator[tuple[Path, datetime]]:
    for path in home.rglob("*#*"):
        with suppress(FileNotFoundError):  # finished, or removed by another, meanwhile
            if _UNFINISHED.fullmatch(path.name) and path.is_file():
                yield path, datetime.fromtimestamp(path.stat().st_mtime, UTC)
