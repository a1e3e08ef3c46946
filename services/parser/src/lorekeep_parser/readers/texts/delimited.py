"""CSV by the standard library: header row known, rows as lines."""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import failures
from lorekeep_parser.formats import decoding
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import rows

if TYPE_CHECKING:
    from _csv import Reader

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 20
# A cell that runs on for so many lines was opened by a quote that nobody meant as one.
_MAX_CELL_LINES = 1000
_UNCLOSED = (
    "quote_not_closed: a quote is opened and not closed within 1000 lines; quotes of the file were read as characters"
)


def opened(path: Path, kind: Media, name: str, wishes: Wishes) -> "DelimitedReader":
    """Reads a CSV, TSV or the like."""
    return DelimitedReader(decoding.decoded(path.read_bytes())[0])


class DelimitedReader:
    """One page; its rows are read as they are asked for."""

    media_type = Media.CSV.value
    route = "csv"
    pages_total = 1

    def __init__(self, text: str) -> None:
        self.properties = document_pb2.Properties()
        # The csv module refuses NUL, which no text needs. Some programs write the delimiter as a line of its own.
        text = text.replace("\x00", "")
        first, _, rest = text[:16].partition("\n")
        first = first.strip()
        self._delimiter = first[4] if len(first) == 5 and first.startswith("sep=") else ""
        self._text = text[len(text[:16]) - len(rest) :] if self._delimiter else text
        self._delimiter = self._delimiter or _delimiter(self._text)

    def pages(self, first: int) -> Iterator[Page]:
        """The one page."""
        if first > 0:
            return
        page = Page(())
        page.elements = rows.tables(self._rows(page), 0)
        yield page

    def _rows(self, page: Page) -> Iterator[list[str]]:
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
        if '"' in self._text and self._has_unclosed_quote():
            quoting = csv.QUOTE_NONE
            page.warnings.append(_UNCLOSED)
        try:
            yield from self._reader(quoting)
        except csv.Error as error:
            raise failures.corrupt("CSV file") from error

    def _reader(self, quoting: Literal[0, 3]) -> "Reader":
        return csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter, quoting=quoting)

    def _has_unclosed_quote(self) -> bool:
        """Whether a cell runs over more lines than any honest one, or over the last lines with its quote open."""
        before, row = 0, [""]
        reader = self._reader(csv.QUOTE_MINIMAL)
        try:
            for row in reader:
                if reader.line_num - before > _MAX_CELL_LINES and max(e.count("\n") for e in row) >= _MAX_CELL_LINES:
                    return True
                before = reader.line_num
        except csv.Error:
            return False
        # A closed cell is followed by its quote, an open one by nothing.
        return bool(row) and "\n" in row[-1].rstrip() and self._text.endswith(row[-1])


def _delimiter(text: str) -> str:
    """The one that cuts the first lines most evenly, the comma where none does."""
    lines = [each for each in text[:65_536].splitlines()[:_SAMPLE_LINES] if each.strip()]
    scores = {each: _evenness([line.count(each) for line in lines]) for each in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda each: scores[each])
    return best if scores[best] > 0 else ","


def _evenness(counts: list[int]) -> float:
    """Share of lines with the commonest count above zero, weighted a little by that count."""
    positive = [each for each in counts if each]
    if not positive:
        return 0.0
    commonest = max(dict.fromkeys(positive), key=positive.count)
    return positive.count(commonest) / len(counts) + min(commonest, 50) / 1000
