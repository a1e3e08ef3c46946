"""The official Python client of the unstructured API against a real gateway before a real parser."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from tests.gateway.suite import Suite, running
from tests.parser.parser_process import DATA, TOKEN
from tests.parser.parser_process import running as parser_running
from unstructured.staging.base import elements_from_dicts
from unstructured_client import UnstructuredClient
from unstructured_client.models import errors, operations, shared
from unstructured_client.utils import BackoffStrategy, RetryConfig

_AT_ONCE = RetryConfig("backoff", BackoffStrategy(50, 100, 1.5, 1000), False)
_PAGES = 9
MARKDOWN = b"""# Handbook

Everybody reads this handbook before the first day of work.

## Leave

- Thirty days a year
- Ask two weeks ahead

| month | days |
|---|---|
| May | 3 |
"""


@pytest.fixture
async def suite(database_url: str, tmp_path: Path) -> AsyncIterator[Suite]:
    async with parser_running(tmp_path / "scratch") as (parser, _):
        target = f"127.0.0.1:{await parser.fact('grpc_port')}"
        async with running(database_url, tmp_path, parser_target=target, parser_token=TOKEN) as started:
            yield started


async def partitioned(suite: Suite, name: str, content: bytes, **parameters: Any) -> operations.PartitionResponse:
    """What the client gives, in a thread of its own, since the gateway runs in this one."""
    client = UnstructuredClient(api_key_auth=suite.key, server_url=suite.base_url, retry_config=_AT_ONCE)
    files = shared.Files(content=content, file_name=name)
    request = operations.PartitionRequest(partition_parameters=shared.PartitionParameters(files=files, **parameters))
    return await asyncio.to_thread(client.general.partition, request=request)


def book() -> bytes:
    """A PDF of pages whose only line says which it is."""
    return pdf_of([f"This is the sentence of page {page + 1} of the book." for page in range(_PAGES)])


def pdf_of(lines: list[str]) -> bytes:
    """A PDF by hand, a page a line."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for line in lines:
        stream = f"BT /F1 12 Tf 72 700 Td ({line}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        content = len(objects)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {content} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{each}\nendobj\n".encode()
    begin = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{begin}\n%%EOF\n".encode()
    return bytes(out)


async def test_a_document_is_partitioned(suite: Suite) -> None:
    found = (await partitioned(suite, "handbook.md", MARKDOWN)).elements or []
    told = {each["text"]: each for each in found}
    handbook, leave = told["Handbook"], told["Leave"]
    assert (handbook["type"], leave["type"]) == ("Title", "Title")
    assert leave["metadata"]["parent_id"] == handbook["element_id"]
    assert told["Everybody reads this handbook before the first day of work."]["type"] == "NarrativeText"
    assert told["Thirty days a year"]["type"] == "ListItem"
    (table,) = [each for each in found if each["type"] == "Table"]
    assert "<table" in table["metadata"]["text_as_html"]
    assert {each["metadata"]["filename"] for each in found} == {"handbook.md"}
    assert {each["metadata"]["filetype"] for each in found} == {"text/markdown"}


async def test_a_pdf_that_the_client_splits_keeps_its_pages(suite: Suite) -> None:
    """The client's own settings: it cuts the PDF and sends its parts at once, each with its first page's number."""
    content = book()
    assert len(pypdfium2.PdfDocument(content)) == _PAGES
    answer = await partitioned(suite, "book.pdf", content)
    found = [(each["metadata"]["page_number"], each["text"]) for each in answer.elements or []]
    assert found == [(page, f"This is the sentence of page {page} of the book.") for page in range(1, _PAGES + 1)]
    ranged = await partitioned(suite, "book.pdf", content, split_pdf_page_range=[4, 6])
    assert [each["metadata"]["page_number"] for each in ranged.elements or []] == [4, 5, 6]
    failed = await partitioned(suite, "book.pdf", content, split_pdf_allow_failed=True, split_pdf_cache_tmp_data=True)
    assert len(failed.elements or []) == _PAGES
    whole = await partitioned(suite, "book.pdf", content, split_pdf_page=False, coordinates=True)
    first = (whole.elements or [])[0]["metadata"]["coordinates"]
    assert (first["system"], first["layout_width"]) == ("PixelSpace", 1)
    assert all(0 <= each <= 1 for point in first["points"] for each in point)


async def test_chunks_are_cut_by_characters(suite: Suite) -> None:
    content = b"# One\n\n" + b"A sentence of this part. " * 40 + b"\n\n# Two\n\nThe other part.\n"
    for strategy in ("by_title", "basic"):
        answer = await partitioned(suite, "two.md", content, chunking_strategy=strategy, max_characters=300)
        found = answer.elements or []
        assert {each["type"] for each in found} == {"CompositeElement"}
        assert len(found) > 3
        assert all(len(each["text"]) <= 300 for each in found)
        kept = elements_from_dicts(found)
        assert [each.text for each in kept] == [each["text"] for each in found]
        assert all(part.text in content.decode() for each in kept for part in each.metadata.orig_elements)
    assert any("The other part." in each["text"] for each in found)


async def test_a_table_comes_as_csv(suite: Suite) -> None:
    answer = await partitioned(suite, "handbook.md", MARKDOWN, output_format=shared.OutputFormat.TEXT_CSV)
    assert (answer.csv_elements or "").startswith("type,element_id,text,filename")


async def test_refusals_are_the_clients_own_errors(suite: Suite) -> None:
    with pytest.raises(errors.HTTPValidationError) as wrong:
        await partitioned(suite, "a.md", MARKDOWN, chunking_strategy="by_similarity")
    assert "chunking_strategy" in str(wrong.value.data.detail)
    with pytest.raises(errors.HTTPValidationError) as damaged:
        await partitioned(suite, "a.pdf", b"%PDF-1.7 and nothing else", split_pdf_page=False)
    assert "damaged" in str(damaged.value.data.detail)
    with pytest.raises(errors.SDKError) as unread:
        await partitioned(suite, "a.exe", b"MZ\x90\x00" + bytes(200))
    assert unread.value.status_code == 415
    suite.key = "kb_" + "0" * 26 + "_" + "0" * 64
    with pytest.raises(errors.SDKError) as nobody:
        await partitioned(suite, "a.md", MARKDOWN)
    assert nobody.value.status_code == 401


async def test_real_documents_are_read(suite: Suite) -> None:
    if not (DATA / "MANIFEST.tsv").exists():
        pytest.skip("the documents are not here; set LOREKEEP_TEST_DATA")
    for line in (DATA / "MANIFEST.tsv").read_text().splitlines()[1:]:
        name = line.split("\t")[0]
        if name.endswith((".docx", ".html", ".eml")) and "encrypted" not in line:
            answer = await partitioned(suite, name, (DATA / name).read_bytes())
            assert answer.elements, name
            assert len({each["element_id"] for each in answer.elements}) == len(answer.elements), name
