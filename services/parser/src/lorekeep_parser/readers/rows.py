"""Rows of a sheet or a CSV as table elements of bounded length."""

from collections.abc import Iterable, Iterator, Sequence

from lorekeep_parser.readers import elements

_ELEMENT_CHARACTERS = 16_000


def tables(rows: Iterable[Sequence[str]], page: int) -> Iterator[elements.Element]:
    """Table elements in order. Blank rows part tables: what stands behind one has its own header."""
    lines: list[str] = []
    length, html = 0, ""
    for row in rows:
        line = elements.row_text(row)
        if not line:
            if lines:
                yield elements.table(lines, page, html)
            lines, length, html = [], 0, ""
            continue
        if not lines and not length:
            html = elements.header_html(row)
        if length > _ELEMENT_CHARACTERS:
            yield elements.table(lines, page, html)
            lines, length, html = [], 1, ""
        lines.append(line)
        length += len(line) + 1
    if lines:
        yield elements.table(lines, page, html)
