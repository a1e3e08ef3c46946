"""Presentations, old formats and locked documents through a real parser."""

import io
from typing import Any

import pytest
from tests.parser import office_files
from tests.parser.parser_process import Client
from tests.parser.test_documents import check_offsets

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"


def _show() -> Any:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "The lamps"
    low, high = (slide.shapes.add_textbox(Inches(1), Inches(top), Inches(3), Inches(1)) for top in (5, 3))
    low.text_frame.text, high.text_frame.text = "the lower box", "the upper box"
    slide.shapes.add_textbox(-5000, Inches(2), Inches(3), Inches(1)).text_frame.text = "over the edge"
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(4), Inches(3), Inches(1)).text_frame.text = "in a group"
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(6), Inches(4), Inches(1)).table
    for place, text in enumerate(("name", "place", "lamp", "coast")):
        table.cell(place // 2, place % 2).text = text
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Lit", (5, 7))
    slide.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, 0, 0, Inches(3), Inches(3), data)
    _add_diagram(slide)
    slide.notes_slide.notes_text_frame.text = "Say this aloud."
    show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = "The end of it"
    show.core_properties.title = "A show"
    return show


def _add_diagram(slide: Any) -> None:
    from lxml import etree
    from pptx.opc.constants import RELATIONSHIP_TYPE
    from pptx.opc.package import Part
    from pptx.opc.packuri import PackURI

    points = "".join(
        f"<d:pt><d:t><a:p><a:r><a:t>{each}</a:t></a:r></a:p></d:t></d:pt>" for each in ("kindle", "watch", "put out")
    )
    xml = (
        f'<d:dataModel xmlns:d="{_DRAWING}/diagram" xmlns:a="{_DRAWING}/main"><d:ptLst>{points}</d:ptLst></d:dataModel>'
    )
    kind = "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml"
    part = Part(PackURI("/ppt/diagrams/data1.xml"), kind, slide.part.package, xml.encode())
    relation = slide.part.relate_to(part, RELATIONSHIP_TYPE.DIAGRAM_DATA)
    frame = etree.fromstring(
        '<p:graphicFrame xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        f'xmlns:a="{_DRAWING}/main" xmlns:d="{_DRAWING}/diagram" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><p:nvGraphicFramePr>'
        '<p:cNvPr id="77" name="Diagram"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr>'
        '<p:xfrm><a:off x="0" y="0"/><a:ext cx="9" cy="9"/></p:xfrm><a:graphic>'
        f'<a:graphicData uri="{_DRAWING}/diagram"><d:relIds r:dm="{relation}"/>'
        "</a:graphicData></a:graphic></p:graphicFrame>"
    )
    slide.shapes._spTree.append(frame)


def _saved(show: Any) -> bytes:
    buffer = io.BytesIO()
    show.save(buffer)
    return buffer.getvalue()


async def test_all_that_a_slide_shows_is_read_once(client: Client) -> None:
    parsed = await client.parse(_saved(_show()), "show.pptx")
    first = [each.text for each in parsed.elements if each.page == 1]
    assert first[0] == "The lamps"
    assert parsed.elements[0].kind == document_pb2.ELEMENT_KIND_HEADING
    wanted = ["the upper box", "in a group", "the lower box", "name\tplace\nlamp\tcoast"]
    assert [each for each in first if each in wanted] == wanted
    assert first[-1] == "Say this aloud."
    rest = ["over the edge", "\tLit\n2023\t5\n2024\t7", "kindle", "watch", "put out"]
    assert sorted(first) == sorted(["The lamps", *wanted, *rest, "Say this aloud."])
    assert [each.text for each in parsed.elements if each.page == 2] == ["The end of it"]
    assert parsed.finished.properties.title == "A show"
    assert parsed.batch_ends[-1].pages_total == 2
    check_offsets(parsed)


async def test_a_slide_show_is_read_like_a_presentation(client: Client) -> None:
    data = _saved(_show())
    kind = "application/vnd.openxmlformats-officedocument.presentationml."
    shown = office_files.retyped(data, f"{kind}presentation.main+xml", f"{kind}slideshow.main+xml")
    assert shown != data
    parsed, usual = await client.parse(shown, "show.ppsx"), await client.parse(data, "show.pptx")
    assert parsed.text == usual.text
    assert not parsed.verdict.warnings


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", office_files.ole("EncryptedPackage", b"locked")),
        ("a.xls", office_files.xls([(0, 0, "locked")], encrypted=True)),
        (
            "a.ods",
            office_files.ods(
                '<table:table table:name="A"/>',
                "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>",
            ),
        ),
        ("a.doc", office_files.ole("WordDocument", b"\xec\xa5\xc1\x00" + b"\0" * 6 + b"\x00\x01" + b"\0" * 600)),
    ],
)
async def test_a_locked_document_is_told_to_be_one(client: Client, name: str, data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        await client.parse(data, name)
    assert caught.value.reason == "encrypted"
