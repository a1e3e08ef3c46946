"""Workbooks through a real parser: what a person sees in a sheet is found, however wide or far it lies."""

import datetime
import io

import pytest
from tests.parser import office_files
from tests.parser.parser_process import Client
from tests.parser.test_documents import check_chunks, check_offsets

from lorekeep.document.v1 import document_pb2
from lorekeep_chassis.errors import InvalidInput

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TABLE = document_pb2.ELEMENT_KIND_TABLE


def _lamps() -> bytes:
    import openpyxl
    from openpyxl.comments import Comment

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Kinds"
    sheet.append(["Report of the lamps"])
    sheet.append(["day", "share", "time", "span", "lit", "height"])
    span = datetime.timedelta(hours=30, minutes=5)
    sheet.append([datetime.date(2024, 5, 17), 0.256, datetime.time(13, 5), span, True, 0.1 + 0.2])
    sheet["B3"].number_format = "0.0%"
    sheet["A3"].comment = Comment("the keeper's remark", "Ann")
    sheet.append([datetime.datetime(2024, 5, 17, 12, 30), None, None, None, False, 1234567.5])
    sheet.append([])
    sheet.append(["second", "table"])
    sheet.append(["merged"])
    sheet.merge_cells("A7:B7")
    hidden = book.create_sheet("Hidden")
    hidden["C3"], hidden.sheet_state = "a secret cell", "hidden"
    book.create_sheet("Blank")
    book.properties.title, book.properties.creator, book.properties.keywords = "All lamps", "Ann; Bob", "lamp, sea"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


async def test_cells_are_read_as_a_person_reads_them(client: Client) -> None:
    parsed = await client.parse(_lamps(), "lamps.xlsx")
    texts = [each.text for each in parsed.elements]
    assert texts == [
        "Kinds",
        "Report of the lamps",
        "day\tshare\ttime\tspan\tlit\theight\n2024-05-17\t25.6%\t13:05:00\t30:05:00\tTRUE\t0.3\n"
        "2024-05-17 12:30:00\t\t\t\tFALSE\t1234567.5",
        "second\ttable\nmerged",
        "Comment on A3: the keeper's remark",
        "Hidden",
        "a secret cell",
    ]
    assert [each.page for each in parsed.elements] == [1, 1, 1, 1, 1, 2, 2]
    assert parsed.elements[2].html.startswith("<table><thead><tr><th>day</th>")
    assert "<td>25.6%</td>" in parsed.elements[2].html
    assert (parsed.verdict.pages_read, parsed.verdict.pages_empty, parsed.verdict.route) == (3, 1, "xlsx")
    told = parsed.finished.properties
    assert (told.title, list(told.authors), list(told.keywords)) == ("All lamps", ["Ann", "Bob"], ["lamp", "sea"])
    check_offsets(parsed)


async def test_a_cell_far_away_is_found_like_a_near_one(client: Client) -> None:
    far = '<c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c>'
    rows = f'<row r="1"><c r="A1"><v>7</v></c></row><row r="1048576">{far}</row>'
    parsed = await client.parse(office_files.sheet_xml(rows), "far.xlsx")
    assert [each.text for each in parsed.elements] == ["Lamps", "7", "far"]
    assert parsed.verdict.truncations == 0


async def test_strings_are_shared_and_readings_above_them_are_not_shown(client: Client) -> None:
    strings = "<si><r><t>lamp</t></r><r><t>s</t></r></si><si><t>灯台</t><rPh><t>とうだい</t></rPh></si>"
    rows = "<row><c t='s'><v>0</v></c><c t='s'><v>1</v></c><c t='s'><v>99</v></c></row>"
    parsed = await client.parse(office_files.sheet_xml(rows, strings), "a.xlsx")
    assert parsed.elements[1].text == "lamps\t灯台"


async def test_a_row_wider_than_any_sheet_is_cut_and_told(client: Client) -> None:
    rows = f"<row>{'<c><v>1</v></c>' * 17_000}</row>"
    parsed = await client.parse(office_files.sheet_xml(rows), "wide.xlsx")
    assert parsed.verdict.truncations == 1
    assert parsed.verdict.warnings[0].startswith("columns_left_out:")
    assert parsed.text.count("1") == 16_384


async def test_every_sheet_is_the_same_after_a_resumption(client: Client) -> None:
    data = _lamps()
    start = {"batch_pages": 1, "chunk_options": client.options(max_tokens=64)}
    whole = await client.parse(data, "lamps.xlsx", **start)
    assert [each.pages_total for each in whole.batch_ends] == [3, 3, 3]
    places = [place for place, each in enumerate(whole.messages) if each.WhichOneof("part") == "batch_end"]
    for place, end in zip(places[:-1], whole.batch_ends, strict=False):
        resumed = await client.parse(data, "lamps.xlsx", resume_state=end.resume_state, **start)
        assert resumed.messages == whole.messages[place + 1 :]


async def test_a_long_sheet_keeps_every_cell(client: Client) -> None:
    rows = [["name", "coast", "height"]] + [[f"lamp {each}", f"coast {each % 90}", each * 7] for each in range(5000)]
    parsed = await client.parse(office_files.workbook_of(rows), "long.xlsx")
    lines = [line for each in parsed.elements if each.kind == _TABLE for line in each.text.split("\n")]
    assert lines == ["\t".join(map(str, row)) for row in rows]
    assert [bool(each.html) for each in parsed.elements[1:]] == [True] + [False] * (len(parsed.elements) - 2)
    assert all(each.context in ("", "name\tcoast\theight") for each in parsed.chunks)
    check_offsets(parsed)
    check_chunks(parsed, 512)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xls", office_files.xls([(0, 0, "name"), (0, 1, "height"), (1, 0, "lamp"), (1, 1, 2.5)])),
        ("a.xlsb", office_files.xlsb([(0, 0, "name"), (0, 1, "height"), (1, 0, "lamp"), (1, 1, "2.5")])),
    ],
)
async def test_workbooks_of_the_binary_formats(client: Client, name: str, data: bytes) -> None:
    parsed = await client.parse(data, name)
    assert [each.text for each in parsed.elements] == ["Lamps", "name\theight\nlamp\t2.5"]
    assert parsed.verdict.route == "calamine"


async def test_an_open_document(client: Client) -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = (
        f"<table:table-row>{cell.format('name')}{cell.format('share')}</table:table-row>"
        f"<table:table-row>{cell.format('lamp<text:s/>one')}{cell.format('25 %')}</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
        f'<table:table-row><table:table-cell table:number-columns-repeated="16383"/>{cell.format("far")}'
        "</table:table-row>"
    )
    tables = f'<table:table table:name="First">{rows}</table:table><table:table table:name="Second"/>'
    parsed = await client.parse(office_files.ods(tables), "a.ods")
    assert [each.text for each in parsed.elements] == ["First", "name\tshare\nlamp one\t25 %", "far"]
    assert (parsed.verdict.pages_read, parsed.verdict.route) == (2, "ods")


async def test_a_binary_sheet_with_a_cell_far_away_is_left_out_and_told(client: Client) -> None:
    data = office_files.xlsb([(0, 0, "near"), (1_048_575, 16_383, "far")])
    with pytest.raises(InvalidInput) as caught:
        await client.parse(data, "far.xlsb")
    assert caught.value.reason == "empty_text"
