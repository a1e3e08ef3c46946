"""Tables, form fields, comments and properties of a PDF, and PDFs that only the second engine reads."""

from pathlib import Path

import pytest
from tests.parser.pdf_files import column, document, grid, joined, text
from tests.parser.reading_pdf import Kind, elements, read, texts

from lorekeep_chassis.errors import LorekeepError
from lorekeep_parser.page import Wishes
from lorekeep_parser.readers import opened
from lorekeep_parser.readers.pdf import fallback, properties

ROWS = [["Lamp", "Height", "Lit"], ["North Head", "41 m", "1851"], ["South Rock", "23 m", "1797"]]
WIDTHS = (120.0, 80.0, 60.0)


def _ruled(rows: list[list[str]], x: float = 72, down: float = 200) -> str:
    drawn = grid(x, down, WIDTHS, len(rows))
    for row, cells in enumerate(rows):
        for index, cell in enumerate(cells):
            drawn += text(x + sum(WIDTHS[:index]) + 4, down + 20 * row + 14, cell)
    return drawn


def test_a_ruled_table_is_one_element_where_it_stands(tmp_path: Path) -> None:
    page = text(72, 150, "Before the table.") + _ruled(ROWS) + text(72, 330, "Behind the table.")
    before, table, behind = elements(tmp_path, document([page]))
    assert (before.text, behind.text) == ("Before the table.", "Behind the table.")
    assert table.kind == Kind.ELEMENT_KIND_TABLE
    assert table.text == "\n".join("\t".join(row) for row in ROWS)
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
    assert table.html == f"<table>{cells}</table>"
    (box,) = table.boxes
    assert [box.left, box.top, box.right, box.bottom] == pytest.approx(
        [72 / 612, 200 / 792, 332 / 612, 260 / 792], abs=0.002
    )


def test_a_table_on_a_page_with_a_shifted_box(tmp_path: Path) -> None:
    data = document([_ruled(ROWS)], page="/CropBox[50 400 450 692]")
    (table,) = elements(tmp_path, data)
    assert table.text == "\n".join("\t".join(row) for row in ROWS)
    assert table.boxes[0].left == pytest.approx(22 / 400, abs=0.003)


def test_a_cell_over_two_columns_is_said_to_be_one(tmp_path: Path) -> None:
    page = _ruled(ROWS) + "272 612 m 272 592 l S\n"
    page += "72 612 m 332 612 l S 72 612 m 72 592 l S 332 612 m 332 592 l S\n" + text(76, 194, "Lamps of the coast")
    (table,) = elements(tmp_path, document([page]))
    assert table.html.startswith('<table><tr><td colspan="2">Lamps of the coast</td>')


def test_text_that_crosses_the_rulings_stays_running_text(tmp_path: Path) -> None:
    crossing = "A sentence that begins in the table, runs over its right side and ends far outside of it"
    page = _ruled(ROWS) + text(100, 250, crossing)
    found = texts(tmp_path, document([page]))
    assert " ".join(crossing.split()) in " ".join(" ".join(found).split())
    assert not [each for each in elements(tmp_path, document([page])) if each.kind == Kind.ELEMENT_KIND_TABLE]


def test_a_frame_around_text_is_no_table(tmp_path: Path) -> None:
    lines = [f"Words in a frame, line {row}." for row in range(10)]
    page = grid(60, 90, (400.0,), 1, 150) + column(72, 110, lines)
    assert {each.kind for each in elements(tmp_path, document([page]))} == {Kind.ELEMENT_KIND_TEXT}


def test_numbers_between_few_rulings_stay_row_by_row(tmp_path: Path) -> None:
    page = grid(72, 200, WIDTHS, 1, 120)
    for row in range(7):
        page += text(76, 214 + 14 * row, f"{row}01") + text(196, 214 + 14 * row, f"{row}02")
    found = " ".join(" ".join(texts(tmp_path, document([page]))).split())
    assert "001 002 101 102" in found


def test_a_page_of_drawings_keeps_its_text_and_says_so(tmp_path: Path) -> None:
    strokes = "".join(f"{x} {y} m {x + 5} {y + 3} l S\n" for x in range(0, 600, 4) for y in range(0, 780, 5))
    (page,) = read(tmp_path, document([text(72, 100, "The legend of a large map of all the coasts") + strokes]))
    assert [each.text for each in page.elements] == ["The legend of a large map of all the coasts"]
    assert [each.split(":")[0] for each in page.warnings] == ["tables_as_text"]


def _form() -> bytes:
    fields = [
        "<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/TU(Full name)/V(Ada Lighthouse)/Rect[72 700 300 720]>>",
        "<</Type/Annot/Subtype/Widget/FT/Tx/T(f1[0])/V(unnamed value)/Rect[72 660 300 680]>>",
        "<</Type/Annot/Subtype/Widget/FT/Ch/Ff 131072/T(harbour)/V(Plymouth)/Opt[(Plymouth)(Hull)]"
        "/Rect[72 620 300 640]>>",
        "<</Type/Annot/Subtype/FreeText/Contents(A note written by hand)/DA(/F 10 Tf)/Rect[72 580 300 600]>>",
        "<</Type/Annot/Subtype/Text/Contents(Check this with the keeper)/Rect[72 540 90 560]>>",
        "<</Type/Annot/Subtype/Link/Contents(not this)/Rect[72 500 90 520]>>",
    ]
    numbers = range(6, 6 + len(fields))
    references = " ".join(f"{each} 0 R" for each in numbers)
    return document(
        [text(72, 60, "An application")], page=f"/Annots[{references}]", extra=fields,
        catalog="/AcroForm<</Fields[6 0 R 7 0 R 8 0 R]>>",
    )  # fmt: skip


def test_what_was_written_into_a_form_is_read(tmp_path: Path) -> None:
    assert texts(tmp_path, _form()) == [
        "An application",
        "Full name: Ada Lighthouse",
        "unnamed value",
        "harbour: Plymouth",
        "A note written by hand",
        "Check this with the keeper",
    ]
    box = elements(tmp_path, _form())[1].boxes[0]
    assert [box.left, box.top] == pytest.approx([72 / 612, 72 / 792], abs=0.002)


def test_properties(tmp_path: Path) -> None:
    told = (
        "<</Title(A Handbook)/Author(Ada Light; Bo Beam and Cy Dark)/Subject(Lamps)/Keywords(sea, light;rock)"
        "/CreationDate(D:20240517093000+02'00')/ModDate(D:20240601)>>"
    )
    path = tmp_path / "document"
    path.write_bytes(document([text(72, 60, "Words")], extra=[told], trailer="/Info 6 0 R"))
    found = opened(path, "some.pdf", "", Wishes()).properties
    assert (found.title, found.subject, list(found.keywords)) == ("A Handbook", "Lamps", ["sea", "light", "rock"])
    assert list(found.authors) == ["Ada Light", "Bo Beam", "Cy Dark"]
    assert (found.created_at, found.modified_at) == ("2024-05-17T09:30:00+02:00", "2024-06-01")


@pytest.mark.parametrize(
    ("said", "want"),
    [
        ("Ada Light", ["Ada Light"]),
        ("Light, Ada", ["Light, Ada"]),
        ("Ada Light, Bo Beam, and Cy Dark", ["Ada Light", "Bo Beam", "Cy Dark"]),
        ("Sandra Beam & Andy Dark", ["Sandra Beam", "Andy Dark"]),
    ],
)
def test_authors_are_parted(said: str, want: list[str]) -> None:
    assert properties.authors(said) == want


def test_a_page_that_pdfium_cannot_open_is_read_by_the_second_engine(tmp_path: Path) -> None:
    data = document([text(72, 100, "The first page"), text(72, 100, "Worth a second try")])
    path = tmp_path / "document"
    path.write_bytes(data)
    pages = fallback.PageFallback(path)
    read_page = pages.page(1, "PDFium could not open it")
    assert [each.text for each in read_page.elements] == ["Worth a second try"]
    assert read_page.warnings == ["fallback: page 2 was read by pdfminer, since PDFium could not open it"]
    assert pages.page(7, "PDFium could not open it").skipped


def test_a_document_of_the_second_engine_names_it(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(document([text(72, 100, "Words")]))
    reader = fallback.opened(path, "PDFium could not open the document")
    assert (reader.route, reader.pages_total) == ("pdfminer", 1)
    assert [each.text for page in reader.pages(0) for each in page.elements] == ["Words"]


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7\n", b"%PDF-1.7\nnothing else", b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>"]
)
def test_what_neither_engine_reads_is_corrupt(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(LorekeepError) as raised:
        read(tmp_path, data)
    assert raised.value.reason == "corrupt"


def test_a_page_tree_that_holds_itself_ends(tmp_path: Path) -> None:
    tree = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R]/Count 300>>"]
    assert all(page.skipped for page in read(tmp_path, joined(tree)))
    tree[1] = "<</Type/Pages/Kids[2 0 R]/Count 1000000>>"
    with pytest.raises(LorekeepError) as raised:
        read(tmp_path, joined(tree))
    assert raised.value.reason == "too_many_pages"


def test_a_hundred_thousand_words_on_a_page_are_read_and_on_one_line_given_up(tmp_path: Path) -> None:
    spread = "".join(f"BT /F 4 Tf {x * 12} {y} Td (w{x * y}) Tj ET\n" for x in range(50) for y in range(700))
    (page,) = read(tmp_path, document([spread]))
    assert sum(each.text.count("w") for each in page.elements) == 50 * 700
    (page,) = read(tmp_path, document(["".join(f"BT /F 4 Tf {x % 600} 700 Td (w) Tj ET\n" for x in range(25_000))]))
    assert page.skipped
    assert [each.split(":")[0] for each in page.warnings] == ["page_crowded"]
