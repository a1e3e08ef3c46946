"""DOC and PPT: converted by LibreOffice behind all of the parser's walls, or refused with the way out."""

import sys
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from pptx import Presentation
from tests.parser import office_files
from tests.parser.parser_process import Client

from lorekeep_chassis.errors import InvalidInput, UnsupportedMedia
from lorekeep_parser.readers.office import legacy, office_kit
from lorekeep_parser.sandbox import heartbeat

_SESSION = pytest.mark.asyncio(loop_scope="session")
_LOCKED = office_files.ole("WordDocument", b"\xec\xa5\xc1\x00" + b"\0" * 600)


@pytest.fixture
def older(tmp_path: Path) -> Callable[[str, str], bytes]:
    """Makes an old document of a new one in `tmp_path`, by LibreOffice's name for what it writes."""
    binary = legacy.program()
    if binary is None:
        pytest.skip("LibreOffice is not installed; apt-get install libreoffice-writer-nogui libreoffice-impress-nogui")
    folder = str(Path(binary).resolve().parent)

    def made(name: str, kind: str) -> bytes:
        addresses = [(tmp_path / each).as_uri() for each in ("profile", name, "old")]
        command = [sys.executable, "-I", office_kit.__file__, folder, *addresses, kind]
        assert legacy.run(command, tmp_path, "old", 80) == office_kit.DONE
        return (tmp_path / "old").read_bytes()

    return made


@_SESSION
async def test_a_doc_with_a_comment_is_converted(
    client: Client, tmp_path: Path, older: Callable[[str, str], bytes]
) -> None:
    document = docx.Document()
    document.add_heading("The lamps", 1)
    paragraph = document.add_paragraph("The keeper burns oil.")
    document.add_comment(paragraph.runs[0], text="Seal oil, since the spring.", author="Ada")
    document.save(str(tmp_path / "new"))
    parsed = await client.parse(older("new", "MS Word 97"), "old.doc")
    assert all(each in parsed.text for each in ("The lamps", "The keeper burns oil.", "Seal oil, since the spring."))
    assert (parsed.verdict.route, parsed.verdict.media_type) == ("libreoffice.docx", "application/msword")


@_SESSION
async def test_a_ppt_is_converted_with_its_notes(
    client: Client, tmp_path: Path, older: Callable[[str, str], bytes]
) -> None:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "The lamps", "They burn oil."
    slide.notes_slide.notes_text_frame.text = "Show the drawing here."
    show.save(str(tmp_path / "new"))
    parsed = await client.parse(older("new", "MS PowerPoint 97"), "old.ppt")
    assert all(each in parsed.text for each in ("The lamps", "They burn oil.", "Show the drawing here."))
    assert parsed.verdict.route == "libreoffice.pptx"


@_SESSION
@pytest.mark.skipif(legacy.program() is None, reason="LibreOffice is not installed")
async def test_what_libreoffice_cannot_open_is_damaged(client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        await client.parse(_LOCKED, "old.doc")
    assert caught.value.reason == "corrupt"


@pytest.mark.parametrize("where", [None, "soffice"])
def test_without_libreoffice_or_its_library_the_way_out_is_told(tmp_path: Path, where: str | None) -> None:
    with pytest.raises(UnsupportedMedia, match="Save the document as DOCX") as caught:
        legacy.converted(tmp_path / "old", "docx", where and str(tmp_path / where))
    assert caught.value.reason == "converter_missing"


def test_a_conversion_gives_signs_of_life_and_has_an_end(tmp_path: Path) -> None:
    beats: list[bool] = []
    heartbeat.heard_by(lambda: beats.append(True))
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    try:
        with pytest.raises(InvalidInput) as caught:
            legacy.run(sleeper, tmp_path, "docx", heartbeat.EVERY_SECONDS * 2)
    finally:
        heartbeat.heard_by(lambda: None)
    assert caught.value.reason == "conversion_timeout"
    assert beats
