"""What the parser's bench reads: printed PDFs, a long book, a large workbook, the test documents."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

from tests.parser import small_files

_NOUNS = (
    "lamp keeper harbour signal weather ship night fog tide stone stairs oil wick glass storm watch coast island "
    "boat letter winter summer record supply repair tower light beam sound horn rock sand wind sail captain crew"
)
_WORDS = _NOUNS.split()
_LINES_A_COLUMN, _PAGES_A_PAPER = 52, 40


@dataclass(frozen=True)
class Paper:
    """A file, its pages where they are known, and strings that its text must hold."""

    path: Path
    pages: int = 0
    strings: tuple[str, ...] = ()


def born_digital(folder: Path) -> list[Paper]:
    """Prose in one column, prose in two, each on its pages; headings and last lines are their strings."""
    names = (("prose.pdf", 1), ("columns.pdf", 2))
    made = [Paper(folder / name, _PAGES_A_PAPER, _ends_of_pages(columns)) for name, columns in names]
    made[0].path.write_bytes(small_files.pdf([_prose(page, 1) for page in range(_PAGES_A_PAPER)]))
    made[1].path.write_bytes(_columned([_prose(page, 2) for page in range(_PAGES_A_PAPER)]))
    return made


def book(folder: Path, pages: int) -> Paper:
    """A book with headings, running heads and page numbers."""
    path = folder / f"book-{pages}.pdf"
    if not path.exists():
        path.write_bytes(small_files.book(pages))
    return Paper(path, pages)


def workbook(folder: Path, rows: int) -> Paper:
    """A workbook of one sheet with ten columns of numbers and words."""
    path = folder / f"rows-{rows}.xlsx"
    if not path.exists():
        _write_workbook(path, rows)
    return Paper(path)


def manifest(folder: Path) -> list[Paper]:
    """The test documents with their strings; those that must fail have none."""
    papers = []
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        for row in list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]:
            wanted = () if row[-1].startswith("ERROR:") else tuple(row[-1].removeprefix("OCR:").split("||"))
            papers.append(Paper(folder / row[0], strings=wanted))
    return papers


def _ends_of_pages(columns: int) -> tuple[str, ...]:
    pages = [_prose(page, columns) for page in range(_PAGES_A_PAPER)]
    return tuple(lines[place][2] for lines in pages for place in (0, -1))


def _write_workbook(path: Path, rows: int) -> None:
    from openpyxl import Workbook

    chance = random.Random(1)
    made = Workbook(write_only=True)
    sheet = made.create_sheet("Log of the lamps")
    sheet.append([f"column {number}" for number in range(10)])
    for row in range(rows):
        words = [" ".join(chance.sample(_WORDS, 3)) for _ in range(4)]
        sheet.append([row, *words, *(round(chance.random() * 1000, 2) for _ in range(5))])
    made.save(path)


def _prose(page: int, columns: int) -> list[tuple[float, float, str]]:
    chance = random.Random(page)
    words_a_line = 14 // columns
    lines: list[tuple[float, float, str]] = [(16, 60.0, f"Section {page + 1} of the log")]
    for line in range(_LINES_A_COLUMN * columns):
        text = " ".join(chance.choices(_WORDS, k=words_a_line))
        ending = "." if line % 6 == 5 else ""
        lines.append((10, 90.0 + 13 * line, f"{text}{ending}"))
    return lines


def _columned(pages: list[list[tuple[float, float, str]]]) -> bytes:
    """The same lines in two columns: the second half of each page stands right of the first."""
    placed = []
    for lines in pages:
        half = 1 + (len(lines) - 1) // 2
        right = [(size, down - 13 * (half - 1), text) for size, down, text in lines[half:]]
        placed.append((lines[:half], right))
    return small_files.pdf_of_columns(placed, left=54, right=318)
