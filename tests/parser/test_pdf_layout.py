"""Reading order, headings, lists, captions and words of a PDF."""

from pathlib import Path
from random import Random

import pytest
from tests.parser.pdf_files import BOLD, column, document, text
from tests.parser.reading_pdf import Kind, elements, texts

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers.pdf import blocks, order, words
from lorekeep_parser.readers.pdf.lines import Line

LEFT = [f"left column line {row} speaks of the sea and of ships" for row in range(12)]
RIGHT = [f"right column line {row} tells of the land and roads" for row in range(12)]
MIDDLE = [f"middle column line {row} is about air" for row in range(12)]
# A PDF's numbers have no exponents.
ENDLESS = "9" * 38


def _flat(found: list[str]) -> str:
    return " ".join(" ".join(found).split())


def test_two_columns_drawn_row_by_row_are_read_one_after_the_other(tmp_path: Path) -> None:
    rows = "".join(
        text(50, 100 + 12 * row, left) + text(320, 100 + 12 * row, right)
        for row, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True))
    )
    found = _flat(texts(tmp_path, document([text(50, 60, "A title across", 20) + rows])))
    assert found == _flat(["A title across", *LEFT, *RIGHT])


def test_a_line_across_parts_the_columns_above_it_from_those_below(tmp_path: Path) -> None:
    def rows(lines: range, down: float) -> str:
        return "".join(text(50, down + 12 * row, LEFT[row]) + text(320, down + 12 * row, RIGHT[row]) for row in lines)

    across = "Figure 1: one caption that runs over both of the columns of this page, from left to right"
    page = rows(range(6), 100) + text(60, 190, across) + rows(range(6, 12), 140)
    found = _flat(texts(tmp_path, document([page])))
    assert found == _flat([*LEFT[:6], *RIGHT[:6], across, *LEFT[6:], *RIGHT[6:]])


def test_three_columns(tmp_path: Path) -> None:
    page = "".join(
        text(40, 100 + 12 * row, LEFT[row][:34], 9)
        + text(230, 100 + 12 * row, MIDDLE[row][:34], 9)
        + text(420, 100 + 12 * row, RIGHT[row][:34], 9)
        for row in range(12)
    )
    want = [each[:34] for each in (*LEFT, *MIDDLE, *RIGHT)]
    assert _flat(texts(tmp_path, document([page]))) == _flat(want)


def test_columns_that_the_content_holds_in_order_stay_so(tmp_path: Path) -> None:
    page = column(50, 100, LEFT) + column(320, 100, RIGHT)
    assert _flat(texts(tmp_path, document([page]))) == _flat([*LEFT, *RIGHT])


def test_rows_of_a_receipt_are_read_row_by_row_though_drawn_upwards(tmp_path: Path) -> None:
    items = [(f"Item {row}", f"{row} pcs", f"{row}.50") for row in range(10)]
    drawn = [
        text(60, 100 + 14 * row, a) + text(300, 100 + 14 * row, b) + text(480, 100 + 14 * row, c)
        for row, (a, b, c) in enumerate(items)
    ]
    found = _flat(texts(tmp_path, document(["".join(reversed(drawn))])))
    assert found == _flat([f"{a} {b} {c}" for a, b, c in items])


def test_headings_have_levels_by_size_weight_and_number(tmp_path: Path) -> None:
    body = [f"The body of the text goes on in line {row} as it did before." for row in range(12)]
    page = (
        text(50, 60, "The book", 22)
        + text(50, 90, "A chapter", 16)
        + text(50, 115, "1.2 A section", 10, BOLD)
        + text(50, 135, "1.2.1 A part of it", 10, BOLD)
        + column(50, 160, body)
    )
    found = [(each.text, each.level) for each in elements(tmp_path, document([page])) if each.level]
    assert found == [("The book", 1), ("A chapter", 2), ("1.2 A section", 4), ("1.2.1 A part of it", 5)]


def test_captions_are_told_from_sentences_about_figures(tmp_path: Path) -> None:
    page = (
        text(50, 100, "Table 2 shows what was weighed, and Figure 3 where.")
        + text(50, 140, "Table 2. Weights of lamps")
        + text(50, 180, "Figure 3: A map of the coast")
    )
    data = document([page])
    assert texts(tmp_path, data, Kind.ELEMENT_KIND_CAPTION) == [
        "Table 2. Weights of lamps",
        "Figure 3: A map of the coast",
    ]


def test_items_of_lists_are_parted_and_keep_their_further_lines(tmp_path: Path) -> None:
    page = (
        text(60, 100, "\x95") + text(75, 100, "first item that needs")
        + text(75, 112, "a second line")
        + text(60, 124, "\x95") + text(75, 124, "second item")
        + text(80, 136, "1) nested item")
    )  # fmt: skip
    found = texts(tmp_path, document([page.replace("\x95", "\u2022")]), Kind.ELEMENT_KIND_LIST_ITEM)
    assert found == ["• first item that needs a second line", "• second item", "1) nested item"]


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_boxes_lie_where_a_turned_page_shows_the_text(tmp_path: Path, turned: int) -> None:
    page = text(72, 72, "Words near the upper left") + text(72, 720, "Words near the lower left")
    found = {each.text: each.boxes[0] for each in elements(tmp_path, document([page], page=f"/Rotate {turned}"))}
    assert set(found) == {"Words near the upper left", "Words near the lower left"}
    box = found["Words near the upper left"]
    middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    want = {0: (0.21, 0.09), 90: (0.91, 0.21), 180: (0.79, 0.91), 270: (0.09, 0.79)}[turned]
    assert middle == pytest.approx(want, abs=0.03)


def test_text_set_upwards_on_an_upright_page_is_read_line_by_line(tmp_path: Path) -> None:
    lines = [f"A broad table's row {row} with all that it holds" for row in range(8)]
    drawn = "".join(
        f"BT /F 10 Tf 0 1 -1 0 {100 + 14 * row} 100 Tm ({line}) Tj ET\n".replace("'", " ")
        for row, line in enumerate(lines)
    )
    found = elements(tmp_path, document([drawn]))
    assert _flat([each.text for each in found]) == _flat([each.replace("'", " ") for each in lines])
    box = found[0].boxes[0]
    assert box.bottom - box.top > 0.2
    assert 0.1 < box.left < box.right < 0.4


def test_a_cropped_page_has_its_boxes_within_what_is_shown(tmp_path: Path) -> None:
    page = text(120, 120, "Shown")
    (found,) = elements(tmp_path, document([page], page="/CropBox[100 592 300 692]"))
    assert found.boxes[0].left == pytest.approx(0.1, abs=0.02)
    assert found.boxes[0].bottom == pytest.approx(0.2, abs=0.03)


def test_columns_of_a_script_that_runs_to_the_left_begin_at_the_right() -> None:
    def line(left: float, row: int, said: str) -> Line:
        return Line(said, left, 0.1 + 0.02 * row, left + 0.35, 0.112 + 0.02 * row, 0.012, False)

    rows = [
        line(left, row, f"שורה {row} של הטור {name} ועוד מילים")
        for row in range(8)
        for left, name in ((0.1, "ב"), (0.55, "א"))
    ]
    found = [each.text for each in order.in_reading_order(rows)]
    assert found == [each.text for each in rows[1::2]] + [each.text for each in rows[::2]]


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        (["the pro-", "duction of lamps"], "the production of lamps"),
        (["the pro\x02", "duction of lamps"], "the production of lamps"),
        (["the pro\u00ad", "duction"], "the production"),
        (["a well-", "known light"], "a well-known light"),
        (["state-of-the-", "art lamps"], "state-of-the-art lamps"),
        (["1990-", "1995"], "1990- 1995"),
        (["an of\ufb01ce of so\u00adme"], "an office of some"),
        (["東京の", "灯台"], "東京の灯台"),
    ],
)
def test_words_are_mended(lines: list[str], want: str) -> None:
    assert words.joined(lines, words.compounds(["it is well-known here"])) == want


def test_no_visible_character_is_lost_between_lines_and_blocks() -> None:
    random = Random(4)
    for _ in range(200):
        made = [_some_line(random) for _ in range(random.randrange(60))]
        ordered = order.in_reading_order(made)
        assert sorted(map(id, ordered)) == sorted(map(id, made))
        grouped = [line for block in blocks.blocks(ordered) for line in block]
        assert list(map(id, grouped)) == list(map(id, ordered))
        joined = words.joined([each.text for each in ordered])
        assert _letters(joined) == _letters("".join(each.text for each in ordered))


def _some_line(random: Random) -> Line:
    left, top = random.random(), random.random()
    said = "".join(random.choices("abc def-–fi•1.אב東 ", k=random.randrange(1, 40))) + "x"
    return Line(
        said, left, top, min(1.0, left + random.random()), min(1.0, top + 0.02), random.choice((0.01, 0.02)),
        random.random() < 0.2, random.random() < 0.1,
    )  # fmt: skip


def _letters(said: str) -> str:
    return "".join(each for each in said if each.isalnum())


def test_furniture_of_left_and_right_pages_is_known_in_books_of_every_length(tmp_path: Path) -> None:
    heads = ("On Lighthouses", "The first lamp and those after it")
    for count in (20, 33, 41, 64):
        pages = [
            text(72, 40, heads[page % 2], 9)
            + column(72, 100, [f"Line {row} of page {page} says what it says" for row in range(20)])
            + text(300, 770, str(page + 5), 9)
            for page in range(count)
        ]
        made = elements(tmp_path, document(pages))
        assert [each.text for each in made if each.kind == Kind.ELEMENT_KIND_PAGE_HEADER] == [
            heads[page % 2] for page in range(1, count)
        ]
        assert sum(each.kind == Kind.ELEMENT_KIND_PAGE_FOOTER for each in made) == count


def test_a_year_alone_at_the_foot_is_no_page_number(tmp_path: Path) -> None:
    pages = [
        column(72, 100, [f"Line {row} of page {page}" for row in range(20)])
        + (text(72, 730, "1984") if page == 3 else "")
        + text(300, 770, str(page + 1), 9)
        for page in range(8)
    ]
    kept = [each for each in elements(tmp_path, document(pages)) if each.text == "1984"]
    assert [each.kind for each in kept] == [document_pb2.ELEMENT_KIND_TEXT]


@pytest.mark.parametrize(
    "endless",
    [
        f"BT /F {ENDLESS} Tf 72 500 Td (A lamp without end) Tj ET\n",
        f"BT /F 12 Tf {ENDLESS} 0 0 {ENDLESS} 72 500 Tm (A lamp without end) Tj ET\n",
        f"BT /F 12 Tf 1 0 0 1 {ENDLESS} -{ENDLESS} Tm (A lamp without end) Tj (end) Tj ET\n",
        f"q {ENDLESS} 0 0 {ENDLESS} 0 0 cm BT /F {ENDLESS} Tf 72 500 Td (A lamp without end) Tj ET Q\n",
    ],
)
def test_sizes_and_places_without_end_are_read_as_text_all_the_same(tmp_path: Path, endless: str) -> None:
    assert "The keeper wrote" in _flat(
        texts(tmp_path, document([text(72, 100, "The keeper wrote it down.") + endless]))
    )
