"""CSV by the standard library: header row known, rows as lines."""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from lorekeep.document.v1 import document_pb2
from lorekeep_parser import decoding, failures
from lorekeep_parser.media import Media
from lorekeep_parser.page import Page, Wishes
from lorekeep_parser.readers import rows

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 20


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
        self._text = text

    def pages(self, first: int) -> Iterator[Page]:
        """The one page."""
        if first == 0:
            yield Page(rows.tables(self._rows(), 0))

    def _rows(self) -> Iterator[list[str]]:
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        # The csv module refuses NUL, which no text needs.
        source = io.StringIO(self._text.replace("\x00", ""), newline="")
        try:
            yield from csv.reader(source, delimiter=_delimiter(self._text))
        except csv.Error as error:
            raise failures.corrupt("CSV file") from error


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
    commonest = max(set(positive), key=positive.count)
    return positive.count(commonest) / len(counts) + min(commonest, 50) / 1000
