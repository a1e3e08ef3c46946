"""Long tables of Markdown, row by row: a parser's tree of one holds a thousand times what its cells do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_DELIMITER = re.compile(
    r"^ {0,3}(?=[^\n]*\|)\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+\n", re.MULTILINE
)
_ROWS = re.compile(r"(?: {0,3}\|[^\n]*+(?:\n|\Z))*+")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_BAR = re.compile(r"(?<!\\)\|")
_SIGNS = re.compile(r"[*_\[\]<>&!`\\~]")
_LONG_ROWS = 200


@dataclass(frozen=True)
class LongTable:
    """A table by its source: the header and the lines below its delimiter."""

    header: str
    body: str

    def rows(self, told: Callable[[str], str]) -> Iterator[list[str]]:
        """Cells of each row, as many as the header has; `told` reads a cell in which markup may stand."""
        width = len(_cells(self.header))
        for line in (self.header, *self.body.splitlines()):
            cells = (_cells(line) + [""] * width)[:width]
            yield [told(each.replace("\\|", "|")) if _SIGNS.search(each) else each for each in cells]


def parted(text: str) -> Iterator[str | LongTable]:
    """The text with its long tables apart, outside of fenced code."""
    start = looked_at = fences = 0
    for match in _DELIMITER.finditer(text):
        if match.start() < start:
            continue
        fences += len(_FENCE.findall(text, looked_at, match.start()))
        looked_at = match.start()
        above = text.rfind("\n", 0, max(0, match.start() - 1)) + 1
        header = text[above : match.start()].strip()
        body = _ROWS.match(text, match.end())
        if fences % 2 or above < start or body is None or not _is_long(text, above, header, match[0], body):
            continue
        yield text[start:above]
        yield LongTable(header, body[0])
        start = looked_at = body.end()
    yield text[start:]


def _is_long(text: str, above: int, header: str, delimiter: str, body: re.Match[str]) -> bool:
    """Whether these are a header, its delimiter and many rows, with nothing around that belongs to them."""
    if body[0].count("\n") < _LONG_ROWS or "|" not in header or len(_cells(header)) != len(_cells(delimiter)):
        return False
    before, behind = text[max(0, above - 200) : above], text[body.end() : body.end() + 200]
    alone = not before or not before.rstrip("\n").rpartition("\n")[2].strip() or before.endswith("\n\n")
    return alone and (not behind or not behind.partition("\n")[0].strip())


def _cells(line: str) -> list[str]:
    """The cells of a row; bars at its ends are its frame."""
    cells = [each.strip() for each in _BAR.split(line.strip())]
    if cells and not cells[0]:
        cells.pop(0)
    if cells and not cells[-1]:
        cells.pop()
    return cells
