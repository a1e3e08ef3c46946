"""What a format needs of the child that reads it, beyond what every child has.

A document goes to a child of the light fork server first. What needs more is known once its
content told its format: the child then ends before it reads, says what is needed, and the document is given to a child
that has it, with the same scratch file.
"""

from collections.abc import Iterable
from enum import StrEnum


class Need(StrEnum):
    """What not every child has."""

    UNSTRUCTURED = "unstructured"  # a fork of the heavy server


# Names that mostly stand for formats which need `unstructured`. They save the way by a light child and decide nothing:
# the heavy server's children read everything.
_LIKELY_HEAVY = (".docx", ".doc", ".pptx", ".ppt")


def likely_heavy(name: str) -> bool:
    """Whether a document of this name had better go to the heavy server at once."""
    return name.lower().endswith(_LIKELY_HEAVY)


class ElsewhereError(Exception):
    """This child lacks what the document needs."""

    def __init__(self, needs: frozenset[Need]) -> None:
        super().__init__(", ".join(sorted(needs)))
        self.needs = needs


_LACKING: set[Need] = set()


def lack(*needs: Need) -> None:
    """From now on this process, and what it forks, is without."""
    _LACKING.update(needs)


def have(needs: Iterable[Need]) -> None:
    """This process has these after all."""
    _LACKING.difference_update(needs)


def require(needs: Iterable[Need]) -> None:
    """ElsewhereError where this process lacks one. To be called before anything is read or answered."""
    wanted = frozenset(needs)
    if wanted & _LACKING:
        raise ElsewhereError(wanted)
