"""Character recognition, and its absence."""

import io
from pathlib import Path

import pytest
from tests.parser.parser_process import Client, running

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.readers import ocr

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _picture(text: str) -> bytes:
    """A PNG of a line of text."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (1200, 200), 255)
    ImageDraw.Draw(image).text((40, 60), text, fill=0, font=ImageFont.load_default(size=64))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.skipif(not ocr.available(), reason="tesseract is not installed")
async def test_a_picture_is_read_with_its_boxes(client: Client) -> None:
    parsed = await client.parse(_picture("The lamp burns all night"), "lamp.png")
    assert "lamp burns all night" in parsed.text
    assert parsed.verdict.pages_ocr == 1
    (element,) = parsed.elements
    assert element.kind == document_pb2.ELEMENT_KIND_IMAGE_TEXT
    assert 0 < element.boxes[0].left < element.boxes[0].right < 1


async def test_without_tesseract_scans_fail_honestly_and_all_else_goes_on(tmp_path: Path, documents: Path) -> None:
    async with running(tmp_path, PATH="/nonexistent") as (process, client):
        status, body = await process.probe("/health/ready")
        assert status == 200
        assert "tesseract-ocr" in body
        with pytest.raises(InvalidInput) as caught:
            await client.parse((documents / "docl__ocr_test.pdf").read_bytes(), "scan.pdf")
        assert caught.value.reason == "empty_text"
        assert "tesseract-ocr" in caught.value.message
        assert (await client.parse(b"Plain text.", "a.txt")).chunks
