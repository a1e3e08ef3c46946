"""The outcomes of an ingest, kept on disk while it runs: 100,000 of them cost no more memory than a few."""

import json
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Self

import typer
from rich.console import Console

from lorekeep_sdk.command import ingest_rows
from lorekeep_sdk.command.ingest_rows import Row

_IN_MEMORY_BYTES = 1024 * 1024
SHOWN_ROWS = 200


class Tally:
    """Rows, given back in the order of their numbers, and how many there are of each kind."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `__exit__`
        self._places = array("q")
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes the rows away."""
        self._file.close()

    def put(self, number: int, row: Row) -> None:
        """Keeps the row of the file with that number."""
        self._places.extend([-1] * (number + 1 - len(self._places)))
        self._places[number] = self._file.seek(0, 2)
        self._file.write(json.dumps(row).encode() + b"\n")
        self._counts[ingest_rows.kind(row)] += 1

    def rows(self) -> Iterator[Row]:
        """The rows in order."""
        for place in self._places:
            if place >= 0:
                self._file.seek(place)
                yield json.loads(self._file.readline())

    def counts(self) -> dict[str, int]:
        """How many files there were and how many succeeded, are still under way, or failed."""
        return {
            "files": sum(self._counts.values()),
            **{kind: self._counts[kind] for kind in ("succeeded", "queued", "failed")},
        }

    def print_json(self, collection: str) -> None:
        """All rows and counts as one JSON document."""
        typer.echo(f'{{\n  "collection": {json.dumps(collection)},\n  "counts": {json.dumps(self.counts())},')
        typer.echo('  "documents": [', nl=False)
        for number, row in enumerate(self.rows()):
            typer.echo(f"{',' if number else ''}\n    {json.dumps(row)}", nl=False)
        typer.echo("\n  ]\n}")

    def show(self, out: Console) -> None:
        """A table and the counts: every row of a small ingest, what failed of a large one."""
        counts = self.counts()
        if counts["files"] <= SHOWN_ROWS:
            out.print(ingest_rows.table(list(self.rows()), out.width))
        elif counts["failed"]:
            failed = (row for row in self.rows() if ingest_rows.kind(row) == "failed")
            out.print(ingest_rows.table(list(islice(failed, SHOWN_ROWS)), out.width))
            if counts["failed"] > SHOWN_ROWS:
                out.print(f"… and {counts['failed'] - SHOWN_ROWS} more that failed; --json lists all.")
        out.print()
        out.print(ingest_rows.counted(counts))
