"""Rows of a sheet or a CSV as table elements of bounded length."""

from collections.abc import Iterable, Iterator, Sequence

from lorekeep_parser.readers import elements
from lorekeep_parser.readers.elements import Element

_ELEMENT_CHARACTERS = 16_000
_HTML_CHARACTERS = 16_000
_CELL_HTML = 9  # <td></td>
_MAX_TITLE_ROWS = 5


def titled(title: str, number: int, found: Iterable[Element]) -> Iterator[Element]:
    """A sheet's elements below its name; nothing where the sheet is blank."""
    for index, each in enumerate(found):
        if index == 0:
            yield elements.heading(title, 1, number)
        yield each


def tables(rows: Iterable[Sequence[str]], page: int) -> Iterator[Element]:
    """Table elements in order. Blank rows part tables: what stands behind one has its own header.

    Rows of a single cell above a table's header are its title, and text of their own.
    """
    table = _Table(page)
    for row in rows:
        if any(row) and (line := elements.row_text(row)):
            yield from table.add(row, line)
        else:
            yield from table.end()
    yield from table.end()


class _Table:
    """The table that is open. Its HTML is whole where it is short and ends in its first element, else its header."""

    def __init__(self, page: int) -> None:
        self._page = page
        self._titles: list[str] = []
        self._begin()

    def _begin(self) -> None:
        self._lines: list[str] = []
        self._rows: list[Sequence[str]] = []
        self._length = self._html_length = 0
        self._first = True
        self._header_html = ""

    def add(self, row: Sequence[str], line: str) -> Iterator[Element]:
        """The next row, with its text."""
        if self._first and not self._lines:
            if len(self._titles) < _MAX_TITLE_ROWS and sum(map(bool, row)) == 1:
                self._titles.append(line)
                return
            yield from self._titled(row)
        if self._length > _ELEMENT_CHARACTERS:
            yield self._closed(self._header_html if self._first else "")
        self._append(row, line)

    def _titled(self, row: Sequence[str]) -> Iterator[Element]:
        """Rows of one cell above `row`: titles, or the beginning of a table that has a single column."""
        titles, self._titles = self._titles, []
        if sum(map(bool, row)) > 1:
            yield from (elements.text(each.strip(), self._page) for each in titles)
            return
        for each in titles:
            self._append([each.strip()], each)

    def _append(self, row: Sequence[str], line: str) -> None:
        if self._first and not self._lines:
            self._header_html = elements.header_html(row)
        self._lines.append(line)
        self._length += len(line) + 1
        self._html_length += len(line) + _CELL_HTML * len(row)
        if self._first and self._html_length <= _HTML_CHARACTERS:
            self._rows.append(row)

    def end(self) -> Iterator[Element]:
        """Closes the table."""
        if len(self._titles) == 1:
            yield elements.text(self._titles.pop().strip(), self._page)
        elif self._titles:
            yield from self._titled(())
        if self._lines:
            whole = self._first and self._html_length <= _HTML_CHARACTERS
            html = elements.table_html(self._rows) if whole else self._header_html
            yield self._closed(html if self._first else "")
        self._begin()

    def _closed(self, html: str) -> Element:
        lines, self._lines, self._rows = self._lines, [], []
        self._length, self._first = 0, False
        return elements.table(lines, self._page, html)
