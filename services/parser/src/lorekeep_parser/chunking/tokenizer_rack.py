"""Tokenizers that are loaded already, inherited by the children that count with them.

Loading one takes longer than most small documents, and it would be done for each. They are named by the file that the
shelf keeps, whose bytes are proven by their hash.
"""

from pathlib import Path

from lorekeep_chassis.errors import LorekeepError
from lorekeep_parser.chunking.tokens import TokenCounter

_KEPT = 4
_LOADED: dict[str, TokenCounter] = {}


def hold(path: str) -> None:
    """Loads the tokenizer of a file for the children to come; one that cannot be loaded is left to its child, which
    says so to its caller."""
    if path in _LOADED:
        _LOADED[path] = _LOADED.pop(path)  # the latest used is the last to go
        return
    try:
        _LOADED[path] = TokenCounter.of_file(Path(path))
    except (LorekeepError, OSError):
        return
    while len(_LOADED) > _KEPT:
        del _LOADED[next(iter(_LOADED))]


def counter(path: str) -> TokenCounter:
    """The tokenizer of a file, loaded now where it is not held; InvalidInput where it is none."""
    return _LOADED.get(path) or TokenCounter.of_file(Path(path))
