"""How a PDF is read at a caller's wish, and images and languages of character recognition."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont
from tests.parser.pdf_files import column, document, text
from tests.parser.reading_pdf import Kind, elements, read, texts

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import LorekeepError
from lorekeep_parser.readers import images, ocr, ocr_languages
from lorekeep_parser.readers.pdf import hi_res

LINES = [f"The keeper of the lamp wrote line number {row} into his log" for row in range(12)]
recognising = pytest.mark.skipif(not ocr.available(), reason="tesseract is not installed")


def _picture(turned: int = 0) -> Any:
    page = pypdfium2.PdfDocument(document([column(72, 100, LINES, 14, 22)]))[0]
    return page.render(scale=2, grayscale=True).to_pil().crop((100, 100, 1000, 800)).rotate(turned, expand=True)


def _saved(image: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _scan(turned: int = 0) -> bytes:
    """A PDF of one image."""
    return _saved(_picture(turned).convert("RGB"), "PDF", resolution=144)


def _words(found: list[str]) -> str:
    return " ".join(" ".join(found).split())


@recognising
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_scan_is_read_however_it_lies(tmp_path: Path, turned: int) -> None:
    (page,) = read(tmp_path, _scan(turned))
    assert page.ocr
    found = _words([each.text for each in page.elements])
    assert "wrote line number 3 into his log" in found
    for each in page.elements:
        (box,) = each.boxes
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1


def test_fast_reads_no_images_and_says_so(tmp_path: Path) -> None:
    (page,) = read(tmp_path, _scan(), strategy=parser_pb2.READ_STRATEGY_FAST)
    assert list(page.elements) == []
    assert [each.split(":")[0] for each in page.warnings] == ["ocr_off"]
    (page,) = read(tmp_path, _saved(_picture(), "PNG"), "a.png", strategy=parser_pb2.READ_STRATEGY_FAST)
    assert [each.split(":")[0] for each in page.warnings] == ["ocr_off"]


@recognising
def test_ocr_only_reads_the_image_of_a_page_that_has_text(tmp_path: Path) -> None:
    data = document([column(72, 100, LINES, 14, 22)])
    (page,) = read(tmp_path, data, strategy=parser_pb2.READ_STRATEGY_OCR_ONLY)
    assert page.ocr
    assert {each.kind for each in page.elements} == {Kind.ELEMENT_KIND_IMAGE_TEXT}
    assert "wrote line number 3 into his log" in _words([each.text for each in page.elements])


@recognising
def test_text_that_another_program_recognised_is_taken_as_it_is(tmp_path: Path) -> None:
    hidden = "BT 3 Tr /F 10 Tf 72 600 Td (The hidden layer of a scanned page, long enough to be one) Tj ET\n"
    (page,) = read(tmp_path, document(["0.9 g 0 0 612 792 re f\n" + hidden]))
    assert not page.ocr
    assert [each.text for each in page.elements] == ["The hidden layer of a scanned page, long enough to be one"]


def test_hi_res_is_refused_where_its_model_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LorekeepError) as raised:
        read(tmp_path, document([text(72, 100, "Words")]), strategy=parser_pb2.READ_STRATEGY_HI_RES)
    assert raised.value.reason == "strategy_unavailable"
    assert "Ask its operator to install it" in raised.value.message


def test_elements_of_the_layout_model_keep_their_boxes() -> None:
    system = SimpleNamespace(width=1000, height=2000)
    coordinates = SimpleNamespace(points=((100, 200), (100, 400), (500, 400), (500, 200)), system=system)
    metadata = SimpleNamespace(page_number=1, coordinates=coordinates, category_depth=1, text_as_html=None)
    (made,) = hi_res.converted(SimpleNamespace(category="Title", text="A title", metadata=metadata), 7)
    assert (made.kind, made.text, made.level, made.page) == (Kind.ELEMENT_KIND_HEADING, "A title", 2, 7)
    (box,) = made.boxes
    assert [box.page, box.left, box.top, box.right, box.bottom] == pytest.approx([7, 0.1, 0.1, 0.5, 0.2])


@recognising
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_images_of_every_kind(tmp_path: Path, kind: str) -> None:
    found = texts(tmp_path, _saved(_picture().convert("RGB"), kind), name=f"a.{kind.lower()}")
    assert "wrote line number 3 into his log" in _words(found)


@recognising
def test_each_frame_is_a_page(tmp_path: Path) -> None:
    data = _saved(_picture(), "TIFF", save_all=True, append_images=[_picture(180)])
    assert {each.page for each in elements(tmp_path, data, "a.tiff")} == {1, 2}


def test_what_is_transparent_is_white() -> None:
    layered = Image.new("RGBA", (1200, 10), (0, 0, 0, 0))
    layered.putpixel((3, 3), (0, 0, 0, 255))
    grey = _shown(layered)
    assert (grey.getpixel((0, 0)), grey.getpixel((3, 3))) == (255, 0)


def test_sixteen_bits_keep_their_greys() -> None:
    wide = Image.new("I;16", (1200, 10), 65_535)
    wide.putpixel((3, 3), 32_768)
    assert [_shown(wide).getpixel(place) for place in ((0, 0), (3, 3))] == pytest.approx([255, 128], abs=1)


def test_a_picture_is_turned_as_the_camera_was_held() -> None:
    picture = Image.new("RGB", (1200, 10), "white")
    exif = Image.Exif()
    exif[0x0112] = 6
    assert _shown(Image.open(io.BytesIO(_saved(picture, "JPEG", exif=exif)))).size == (10, 1200)


def test_small_images_are_enlarged() -> None:
    assert _shown(Image.new("CMYK", (300, 100))).size == (600, 200)


def _shown(image: Any) -> Any:
    made = images.prepared(image)
    shown = Image.open(io.BytesIO(made.data))
    assert shown.size == (made.width, made.height)
    return shown


def test_a_page_that_takes_too_long_is_skipped_and_named() -> None:
    image = Image.new("L", (2000, 2000), "white")
    ImageDraw.Draw(image).text((100, 100), "Words", font=ImageFont.load_default(80))
    page = ocr.Recogniser((), page_seconds=0.001).page(images.prepared(image), 5)
    assert page.skipped
    assert page.warnings == ["page_slow: page 5 was not recognised within 0.001 seconds"]


THERE = frozenset({"eng", "deu", "chi_sim", "osd"})


@pytest.mark.parametrize(
    ("wanted", "given", "missing"),
    [
        ((), "eng", 0),
        (("de", "en"), "deu+eng", 0),
        (("DE", "deu"), "deu", 0),
        (("zh-Hans",), "chi_sim", 0),
        (("fr", "de"), "deu", 1),
        (("fr",), "eng", 1),
        (("--psm", "eng;rm", "../eng", "osd", ""), "eng", 5),
    ],
)
def test_languages_are_those_that_are_there(wanted: tuple[str, ...], given: str, missing: int) -> None:
    languages, warnings = ocr_languages.chosen(wanted, THERE)
    assert languages == given
    assert [each.split(":")[0] for each in warnings] == ["ocr_language_missing"] * missing
