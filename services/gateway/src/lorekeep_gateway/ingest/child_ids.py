"""Public ids of documents inside of another: the other's id and their names, the same for the same names."""

import hashlib
import re
from collections.abc import Collection, Sequence

from lorekeep_gateway.intake import MAX_ID_CHARS, refused_id

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Room for what keeps equal names apart.
_MOST_CHARACTERS = MAX_ID_CHARS - 8
_KEPT_OF_PARENT = 140
_KEPT_OF_NAME = 80


def child_ids(parent: str, names: Sequence[str], avoided: Collection[str] = ()) -> list[str]:
    """One id a name, no two alike and none of `avoided`: `mail-7/report.pdf`, `mail-7/report.pdf~2`."""
    taken, ids = set(avoided), []
    latest: dict[str, int] = {}
    for name in names:
        first = child_id = _bounded(parent, _cleaned(name))
        number = latest.get(first, 1)
        while child_id in taken or refused_id(child_id):
            number += 1
            child_id = f"{first}~{number}"
        latest[first] = number
        taken.add(child_id)
        ids.append(child_id)
    return ids


def _cleaned(name: str) -> str:
    """A name as segments of a path that lead nowhere else."""
    parts = [_UNPRINTABLE.sub("", each).strip() for each in name.replace("\\", "/").split("/")]
    return "/".join(each for each in parts if each not in ("", ".", "..")) or "untitled"


def _bounded(parent: str, name: str) -> str:
    whole = f"{parent}/{name}"
    if len(whole) <= _MOST_CHARACTERS:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    return f"{parent[:_KEPT_OF_PARENT]}~{digest}/{name.rpartition('/')[2][-_KEPT_OF_NAME:].strip('. ') or 'untitled'}"
