"""Real documents through a real parser: what they say is found, and every offset holds."""

import csv
from pathlib import Path

import pytest
from tests.parser.parser_process import DATA, Client, Parsed, tokenizer_bytes

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser.chunking.tokens import TokenCounter

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _manifest() -> list[tuple[str, str]]:
    path = DATA / "MANIFEST.tsv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [(row[0], row[-1]) for row in rows]


def _flat(text: str) -> str:
    return " ".join(text.split())


def check_offsets(parsed: Parsed) -> None:
    """Segments joined are the canonical text; elements and chunks are slices of it."""
    text, start = parsed.text, 0
    for number, end in enumerate(parsed.batch_ends):
        assert (end.segment.ordinal, end.segment.start) == (number, start)
        start += len(end.segment.text)
        assert len(end.resume_state) <= 256 * 1024
    for kind in (parsed.elements, parsed.chunks):
        assert [each.ordinal for each in kind] == list(range(len(kind)))
        for each in kind:
            assert each.text == text[each.start : each.end]
            assert each.text.strip()
    assert text == "\n\n".join(each.text for each in parsed.elements)
    assert (parsed.finished.element_count, parsed.finished.chunk_count) == (len(parsed.elements), len(parsed.chunks))


def check_chunks(parsed: Parsed, most: int) -> None:
    """No chunk is longer than allowed by a true count, and together they hold everything but page furniture."""
    counter = TokenCounter.of_bytes(tokenizer_bytes())
    for chunk in parsed.chunks:
        whole = f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
        assert chunk.token_count == counter.whole(whole) <= most
    covered = {place for chunk in parsed.chunks for place in range(chunk.start, chunk.end)}
    furniture = (document_pb2.ELEMENT_KIND_PAGE_HEADER, document_pb2.ELEMENT_KIND_PAGE_FOOTER)
    for element in parsed.elements:
        inside = set(range(element.start, element.end)) & covered
        missing = [place for place in range(element.start, element.end) if place not in covered]
        if element.kind in furniture:
            assert not inside
        else:
            assert not "".join(element.text[place - element.start] for place in missing).strip()


@pytest.mark.parametrize(("name", "wanted"), _manifest())
async def test_what_a_document_says_is_found(client: Client, documents: Path, name: str, wanted: str) -> None:
    data = (documents / name).read_bytes()
    if wanted.startswith("ERROR:"):
        with pytest.raises(InvalidInput) as caught:
            await client.parse(data, name)
        assert caught.value.reason == wanted.removeprefix("ERROR:")
        return
    if wanted.startswith("OCR:"):
        from lorekeep_parser.readers import ocr

        if not ocr.available():
            pytest.skip("tesseract is not installed")
    parsed = await client.parse(data, name)
    text = _flat(parsed.text)
    for each in wanted.removeprefix("OCR:").split("||"):
        assert _flat(each) in text
    check_offsets(parsed)
    check_chunks(parsed, 512)
    assert parsed.verdict.pages_read >= 1
    assert parsed.verdict.route


async def test_a_wrong_name_changes_nothing(client: Client, documents: Path) -> None:
    parsed = await client.parse((documents / "pypdf__pdflatex-4-pages.pdf").read_bytes(), "notes.docx")
    assert parsed.verdict.media_type == "application/pdf"


async def test_pages_and_boxes_of_a_pdf(client: Client, documents: Path) -> None:
    parsed = await client.parse((documents / "uns__list-item-example.pdf").read_bytes(), "list.pdf")
    assert {each.page for each in parsed.elements} == {1, 2}
    for each in parsed.elements:
        (box,) = each.boxes
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1
    heading = parsed.elements[0]
    assert heading.kind == document_pb2.ELEMENT_KIND_HEADING
    assert list(parsed.chunks[0].heading_path) == [heading.text]
    assert parsed.chunks[0].boxes


async def test_two_columns_are_read_one_after_the_other(client: Client, documents: Path) -> None:
    parsed = await client.parse((documents / "uns__list-item-example.pdf").read_bytes(), "list.pdf")
    text = _flat(parsed.text)
    assert text.index("four steps of successful development") < text.index("Module Three") < text.index("Module Two")


async def test_chunk_does_over_stored_elements_what_parse_did(client: Client, documents: Path) -> None:
    parsed = await client.parse(
        (documents / "uns__README.md").read_bytes(), "README.md", chunk_options=client.options(max_tokens=64)
    )
    segment = document_pb2.Segment(elements=parsed.elements)
    chunks = await client.chunk([segment], client.options(max_tokens=64))
    assert chunks == parsed.chunks
    assert len(await client.chunk([segment], client.options(max_tokens=512))) < len(chunks)


async def test_the_same_bytes_give_the_same_answer(client: Client, documents: Path) -> None:
    data = (documents / "docl__mixed.md").read_bytes()
    first, second = [await client.parse(data, "mixed.md") for _ in range(2)]
    assert first.messages == second.messages
