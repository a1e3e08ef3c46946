"""Word documents through a real parser: all that Word shows, once, in its order; the largest by another way."""

import struct

import pytest
from tests.parser import office_files, small_files
from tests.parser.office_files import paragraph
from tests.parser.parser_process import Client
from tests.parser.test_documents import check_chunks, check_offsets

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput

pytestmark = pytest.mark.asyncio(loop_scope="session")

_BOXED = "<w:txbxContent>" + paragraph("in the box") + "</w:txbxContent>"
_BOX = (
    "<w:p><w:r><w:t>host of a box</w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>"
    f"{_BOXED}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{_BOXED}</v:textbox></w:pict>"
    "</mc:Fallback></mc:AlternateContent></w:r></w:p>"
)
_TRACKED = (
    '<w:p><w:r><w:t xml:space="preserve">kept and </w:t></w:r><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins><w:del><w:r>'
    '<w:delText>deleted</w:delText></w:r></w:del><w:r><w:footnoteReference w:id="2"/></w:r><w:r>'
    '<w:commentReference w:id="0"/></w:r></w:p>'
)
_FIELD = (
    '<w:p><w:r><w:t xml:space="preserve">field </w:t></w:r><w:fldSimple w:instr="DATE"><w:r><w:t>result</w:t></w:r>'
    "</w:fldSimple><m:oMath><m:r><m:t> E=mc</m:t></m:r></m:oMath></w:p>"
)
_NESTED = f"<w:tbl><w:tr><w:tc>{paragraph('inner one')}</w:tc><w:tc>{paragraph('inner two')}</w:tc></w:tr></w:tbl>"
_TABLE = (
    f"<w:tbl><w:tr><w:tc>{paragraph('name')}</w:tc><w:sdt><w:sdtContent><w:tc>{paragraph('place')}</w:tc>"
    f"</w:sdtContent></w:sdt></w:tr><w:tr><w:tc>{paragraph('lamp')}</w:tc><w:tc>{paragraph('coast')}{_NESTED}"
    f"{paragraph('')}</w:tc></w:tr></w:tbl>"
)
_BODY = (
    paragraph("first words")
    + f"<w:sdt><w:sdtPr/><w:sdtContent>{paragraph('in a control')}</w:sdtContent></w:sdt>"
    + _BOX
    + _TRACKED
    + _FIELD
    + _TABLE
    + paragraph("last words")
)
_NOTES = {
    "footnotes": f'<w:footnote w:type="separator" w:id="0">{paragraph("never shown")}</w:footnote>'
    f'<w:footnote w:id="2">{paragraph("a footnote")}</w:footnote>',
    "comments": f'<w:comment w:id="0" w:author="Ann">{paragraph("a remark")}</w:comment>',
}
_SHOWN = [
    "first words",
    "in a control",
    "host of a box",
    "in the box",
    "kept and inserted",
    "a footnote",
    "Comment by Ann: a remark",
    "field result E=mc",
    "name\tplace\nlamp\tcoast inner one inner two",
    "last words",
]


async def test_all_that_word_shows_is_read_once(client: Client) -> None:
    parsed = await client.parse(office_files.word(_BODY, _NOTES), "hard.docx")
    assert [each.text for each in parsed.elements] == _SHOWN
    assert parsed.verdict.route == "unstructured.docx"
    check_offsets(parsed)


async def test_what_unstructured_cannot_read_is_read_without_it_and_told(client: Client) -> None:
    """A namespace of the strict variant is one that it does not know."""
    transitional, strict = (
        "http://schemas.openxmlformats.org/wordprocessingml",
        "http://purl.oclc.org/ooxml/wordprocessingml",
    )
    document = f"<w:document {office_files.WORD}><w:body>{_BODY}</w:body></w:document>".replace(transitional, strict)
    parsed = await client.parse(small_files.docx(document), "strict.docx")
    assert [each.text for each in parsed.elements] == [
        each for each in _SHOWN if each not in ("a footnote", "Comment by Ann: a remark")
    ]
    assert parsed.verdict.route == "docx-stream"
    assert parsed.verdict.warnings[0].startswith("fallback:")


async def test_a_large_document_comes_as_a_stream(client: Client) -> None:
    heading = '<w:pPr><w:pStyle w:val="H1"/></w:pPr>'
    listed = "<w:pPr><w:numPr/></w:pPr>"
    body = _BODY + paragraph("Chapter of the keepers", heading) + paragraph("an item", listed)
    body += "".join(paragraph(f"Paragraph {each} tells of the lamp. " + "It is long. " * 900) for each in range(800))
    styles = '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    parsed = await client.parse(office_files.word(body, {**_NOTES, "styles": styles}), "large.docx", chunk_options=None)
    assert parsed.verdict.route == "docx-stream"
    assert not parsed.verdict.warnings
    assert [each.text for each in parsed.elements[:10]] == _SHOWN
    assert (parsed.elements[10].kind, parsed.elements[10].level) == (document_pb2.ELEMENT_KIND_HEADING, 1)
    assert parsed.elements[11].kind == document_pb2.ELEMENT_KIND_LIST_ITEM
    assert len(parsed.elements) == 812
    assert list(parsed.elements[-1].heading_path) == ["Chapter of the keepers"]
    check_offsets(parsed)


async def test_a_document_with_macros_is_read_like_any_other(client: Client) -> None:
    members = small_files.docx(f"<w:document {office_files.WORD}><w:body>{_BODY}</w:body></w:document>")
    old = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    data = office_files.retyped(members, old, "application/vnd.ms-word.document.macroEnabled.main+xml")
    parsed = await client.parse(data, "macros.docm")
    assert (parsed.verdict.route, list(parsed.verdict.warnings)) == ("unstructured.docx", [])


async def test_a_run_longer_than_any_element_is_read_whole(client: Client) -> None:
    words = "word " * (2 * 2**20 + 1000)
    data = office_files.word(paragraph(words) + paragraph("the end"))
    parsed = await client.parse(data, "run.docx", chunk_options=None)
    assert max(len(each.text) for each in parsed.elements) <= 65_536
    assert parsed.text.count("word") == words.count("word")
    assert parsed.text.endswith("the end")


async def test_entities_are_refused_before_they_are_expanded(client: Client) -> None:
    laughs = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    for data in (
        small_files.docx(small_files.word_xml("laugh &b; end", laughs)),
        office_files.sheet_xml("<row><c t='str'><v>&b;</v></c></row>", prologue=laughs),
    ):
        with pytest.raises(InvalidInput) as caught:
            await client.parse(data, "laughs")
        assert caught.value.reason == "corrupt"


async def test_chunks_of_a_word_document_hold_all_of_it(client: Client) -> None:
    parsed = await client.parse(office_files.word(_BODY * 40, _NOTES), "many.docx")
    check_offsets(parsed)
    check_chunks(parsed, 512)


def _lying(data: bytes, member: bytes) -> bytes:
    """A zip whose directory says that a member unpacks to 50 bytes."""
    changed = bytearray(data)
    place = changed.find(b"PK\x01\x02")
    while place >= 0:
        (length,) = struct.unpack_from("<H", changed, place + 28)
        if changed[place + 46 : place + 46 + length].endswith(member):
            struct.pack_into("<I", changed, place + 24, 50)
        place = changed.find(b"PK\x01\x02", place + 4)
    return bytes(changed)


@pytest.mark.parametrize(
    "data",
    [
        office_files.word("<w:sdt><w:sdtContent>" * 50_000 + paragraph("deep") + "</w:sdtContent></w:sdt>" * 50_000),
        office_files.word("<w:tbl><w:tr><w:tc>" * 35_000 + paragraph("deep") + "</w:tc></w:tr></w:tbl>" * 35_000),
        office_files.sheet_xml("<row>" + "<c>" * 100_000 + "</c>" * 100_000 + "</row>"),
        _lying(office_files.word(_BODY), b"document.xml"),
        _lying(office_files.sheet_xml("<row><c><v>1</v></c></row>"), b"sheet1.xml"),
    ],
    ids=["controls", "tables", "cells", "lying document", "lying sheet"],
)
async def test_what_is_nested_without_end_or_lies_of_its_size_is_refused(client: Client, data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        await client.parse(data, "hostile")
    assert caught.value.reason == "corrupt"
    assert (await client.parse(b"The next one is read.", "next.txt")).text == "The next one is read."
