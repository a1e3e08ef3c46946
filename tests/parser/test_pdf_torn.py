"""Words and rows that PDFium or the page's drawing tears apart, read whole."""

from pathlib import Path

from tests.parser.pdf_files import HEIGHT, document, text
from tests.parser.reading_pdf import Kind, elements, texts


def _wide(x: float, down: float, words: list[str]) -> str:
    """Words as programs set them over a scan: their letters spaced, the last one apart."""
    shown = "".join(f"2.5 Tc ({' ' if number else ''}{each[:-1]}) Tj 0 Tc ({each[-1]}) Tj\n"
                    for number, each in enumerate(words))  # fmt: skip
    return f"BT /F 9 Tf {x} {HEIGHT - down} Td {shown} ET\n"


def test_the_last_letter_of_a_word_set_wide_stays_with_it(tmp_path: Path) -> None:
    words = ["North", "Buona", "Vista", "Drive"]
    assert texts(tmp_path, document([_wide(72, 100, words)])) == [" ".join(words)]


def test_single_figures_with_space_between_stay_apart(tmp_path: Path) -> None:
    figures = "".join(text(72 + 9 * number, 100, str(number)) for number in range(8))
    assert texts(tmp_path, document([figures])) == ["0 1 2 3 4 5 6 7"]


def test_words_drawn_letter_by_letter_on_a_nearly_empty_page_are_whole(tmp_path: Path) -> None:
    steps = {"c": 5, "o": 5.56, "n": 5.56, "e": 5.56, "m": 8.33, "w": 7.22, "r": 3.33, "u": 5.56}

    def letters(x: float, down: float, word: str) -> str:
        places = [sum(steps[each] for each in word[:index]) for index in range(len(word))]
        return "".join(text(x + place, down, each) for place, each in zip(places, word, strict=True))

    page = "".join(
        letters(x, down, word) for x, word in ((72, "common"), (240, "worn"), (400, "wore")) for down in (80, 94)
    )
    assert " ".join(texts(tmp_path, document([page]))).split() == ["common", "common", "worn", "worn", "wore", "wore"]


def test_a_table_ruled_between_its_columns_alone_has_its_outer_columns(tmp_path: Path) -> None:
    rows = [["Lamp", "Height", "Lit"], ["North Head", "41 m", "1851"], ["South Rock", "23 m", "1797"]]
    lines = "".join(f"72 {HEIGHT - 200 - 20 * row} m 332 {HEIGHT - 200 - 20 * row} l S\n" for row in range(4))
    lines += "".join(f"{x} {HEIGHT - 200} m {x} {HEIGHT - 260} l S\n" for x in (192, 272))
    cells = "".join(
        text(x + 4, 214 + 20 * row, cell)
        for row, each in enumerate(rows)
        for x, cell in zip((72, 192, 272), each, strict=True)
    )
    (table,) = elements(tmp_path, document([lines + cells]))
    assert table.kind == Kind.ELEMENT_KIND_TABLE
    assert table.text == "\n".join("\t".join(row) for row in rows)


def test_rows_of_a_table_without_rulings_stay_together(tmp_path: Path) -> None:
    commands = [r"\verse{Exodus}", r"\verse{Exodus}(20:)", r"\verse{Exodus}(20:17)", r"\verse{Second}(12:21-32)",
                r"\verse{Ex}(20:17)(21:3)", r"\verse{Ex}(15:)(17:)(20:)", r"\verse{Rev}(1:2,5,7-9,11)",
                r"\verse{First}(1:)-(4:)"]  # fmt: skip
    meanings = ["Exodus", "Exodus chapter xx", "Exodus chapter xx. 17", "ii Corinthians, chapter xii. 21-32",
                "Exodus xx. 17; xxi. 3", "Exodus xv; xvii; xx", "Revelation i. 2, 5, 7-9, 11",
                "i Chronicles i-iv"]  # fmt: skip
    pairs = list(zip(commands, meanings, strict=True))
    page = "".join(text(72, 100 + 13 * n, a) + text(320, 100 + 13 * n, b) for n, (a, b) in enumerate(pairs))
    found = " ".join(" ".join(texts(tmp_path, document([page]))).split())
    assert found == " ".join(f"{a} {b}" for a, b in pairs)
