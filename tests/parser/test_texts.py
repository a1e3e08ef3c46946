"""Markup, books and texts: every word is found, in order, as what it is."""

from pathlib import Path

from tests.parser.text_files import epub, open_document
from tests.parser.text_reading import read

_HTML = """<!doctype html><html><head><title>Page</title><meta name=author content="Ann B">
<meta property="article:published_time" content="2024-05-01T10:00:00Z"><style>gone</style></head><body>
loose <b>bold</b>ness<div>in a div<p>para<br>line</p>tail</div><dl><dt>Term<dd>Meaning</dl><pre>  code
    here</pre><figure><img src="data:image/png;base64,AAAA" alt="A lamp"><figcaption>Figure</figcaption></figure>
<details><summary>Sum</summary>detail</details><select><option>One<option>Two</select><script>gone</script>
<ul><li>First<ul><li>Inner</ul>rest<li><p>Second</ul><button>Press</button></body></html>"""


def test_html_is_read_whole_and_in_order(tmp_path: Path) -> None:
    found = read(tmp_path, _HTML, "a.html")
    assert found.told() == [
        ("FRONT_MATTER", "Title: Page"), ("TEXT", "loose boldness"), ("TEXT", "in a div"), ("TEXT", "para\nline"),
        ("TEXT", "tail"), ("TEXT", "Term"), ("TEXT", "Meaning"), ("CODE", "  code\n    here"), ("CAPTION", "A lamp"),
        ("CAPTION", "Figure"), ("TEXT", "Sum"), ("TEXT", "detail"), ("LIST_ITEM", "One"), ("LIST_ITEM", "Two"),
        ("LIST_ITEM", "First"), ("LIST_ITEM", "Inner"), ("LIST_ITEM", "rest"), ("LIST_ITEM", "Second"),
        ("TEXT", "Press"),
    ]  # fmt: skip
    told = found.reader.properties
    assert (told.title, list(told.authors), told.created_at) == ("Page", ["Ann B"], "2024-05-01T10:00:00Z")


def test_tables_of_html_keep_their_cells_and_tables_of_layout_are_passages(tmp_path: Path) -> None:
    data = (
        "<table><caption>Lamps</caption><tr><th colspan=2>Head<th>R<tr><td>1<td><ul><li>a<li>b</ul><td>2</table>"
        "<table><tr><td><h1>Layout</h1>words<table><tr><td>x<td>y</table></td></tr></table>"
    )
    found = read(tmp_path, data, "a.html")
    assert found.told() == [
        ("CAPTION", "Lamps"),
        ("TABLE", "Head\tR\n1\ta b\t2"),
        ("HEADING1", "Layout"),
        ("TEXT", "words"),
        ("TABLE", "x\ty"),
    ]
    assert '<th colspan="2">Head</th>' in found.elements[1].html


def test_a_long_table_goes_on_without_html(tmp_path: Path) -> None:
    rows = "".join(f"<tr><td>row {row}</td><td>{'word ' * 8}</td></tr>" for row in range(2000))
    tables = read(tmp_path, f"<html><table>{rows}</table>", "a.html").elements
    assert len(tables) > 3
    assert [bool(each.html) for each in tables] == [True, *[False] * (len(tables) - 1)]
    lines = [line for each in tables for line in each.text.split("\n")]
    assert [line.split("\t")[0] for line in lines] == [f"row {row}" for row in range(2000)]


def test_xhtml_with_empty_elements_and_cdata(tmp_path: Path) -> None:
    data = (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x"/></head>'
        "<body><p/><p>a&nbsp;b</p><![CDATA[c<d]]></body></html>"
    )
    assert read(tmp_path, data, "a.xhtml").flat == "a b c<d"


def test_markdown_with_front_matter_tables_code_and_html(tmp_path: Path) -> None:
    data = (
        "---\ntitle: Log\nauthor: [Ann, Bob]\ndate: 2024-05-17\n---\n# Head\nA [link](http://x) and `List<int>`[^1]."
        "\n\n"
        "[^1]: note\n\n- one\n  - two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\n  x = 1\n```\n"
        "<div>\n\n*in html*\n\n</div>\n"
    )
    found = read(tmp_path, data, "a.md")
    assert found.told() == [
        ("FRONT_MATTER", "title: Log\nauthor: [Ann, Bob]\ndate: 2024-05-17"), ("HEADING1", "Head"),
        ("TEXT", "A link and List<int>[^1]."), ("TEXT", "[^1]: note"), ("LIST_ITEM", "one"), ("LIST_ITEM", "two"),
        ("TABLE", "a\tb\n1\t2"), ("CODE", "  x = 1"), ("TEXT", "in html"),
    ]  # fmt: skip
    told = found.reader.properties
    assert (told.title, list(told.authors), told.created_at) == ("Log", ["Ann", "Bob"], "2024-05-17")


def test_a_large_markdown_keeps_headings_code_and_every_line(tmp_path: Path) -> None:
    part = "## Head {0}\n\nSome words {0}.\n\n```\n# no head {0}\n```\n\n"
    found = read(tmp_path, "".join(part.format(number) for number in range(50_000)), "a.md")
    told = found.told()
    assert told[0] == ("HEADING2", "Head 0")
    assert told[-1] == ("CODE", "# no head 49999")
    assert sum(kind == "TEXT" for kind, _ in told) == 50_000


def test_a_book_in_the_order_of_its_spine(tmp_path: Path) -> None:
    metadata = "<dc:title>Lamps</dc:title><dc:creator>Ann</dc:creator><dc:date>2020-01-01</dc:date>"
    found = read(tmp_path, epub("<h1>One</h1><p>first", "<h1>Two</h1><p>second", metadata=metadata), "a.epub")
    assert found.told()[1:] == [("HEADING1", "One"), ("TEXT", "first"), ("HEADING1", "Two"), ("TEXT", "second")]
    assert [each.page for each in found.elements[1:]] == [1, 1, 2, 2]
    assert found.reader.pages_total == 2
    assert [element.text for page in found.reader.pages(1) for element in page.elements] == ["Two", "second"]
    told = found.reader.properties
    assert (told.title, list(told.authors), told.created_at) == ("Lamps", ["Ann"], "2020-01-01")


def test_an_opendocument_text(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        '<text:h text:outline-level="2">Head</text:h><text:p>a<text:s text:c="2"/>b<text:note><text:note-citation>1'
        "</text:note-citation><text:note-body><text:p>note</text:p></text:note-body></text:note>c</text:p>"
        "<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list><table:table><table:table-row>"
        "<table:table-cell><text:p>A</text:p></table:table-cell><table:table-cell><text:p>B</text:p><text:p>C</text:p>"
        "</table:table-cell></table:table-row></table:table>"
        "<text:p><draw:frame><text:p>boxed</text:p></draw:frame></text:p>"
    )
    told = "<dc:title>Log</dc:title><dc:creator>Ann</dc:creator><dc:date>2024-05-17T10:00:00</dc:date>"
    meta = f'<m xmlns:dc="dc">{told}</m>'
    found = read(tmp_path, open_document("text", body, ("meta.xml", meta)), "a.odt")
    assert found.told() == [
        ("HEADING2", "Head"), ("TEXT", "a  bc"), ("TEXT", "note"), ("LIST_ITEM", "item"), ("TABLE", "A\tB C"),
        ("TEXT", "boxed"),
    ]  # fmt: skip
    told = found.reader.properties
    assert (told.title, list(told.authors), told.modified_at) == ("Log", ["Ann"], "2024-05-17")


def test_slides_of_an_opendocument_are_pages(tmp_path: Path) -> None:
    slides = "".join(f"<draw:page><text:p>slide {number}</text:p></draw:page>" for number in (1, 2, 3))
    found = read(tmp_path, open_document("presentation", slides), "a.odp")
    assert [(each.page, each.text) for each in found.elements] == [(1, "slide 1"), (2, "slide 2"), (3, "slide 3")]
    assert found.reader.pages_total == 3


def test_rtf_with_styles_code_pages_rows_and_notes(tmp_path: Path) -> None:
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}{\f1\fcharset204 B;}}{\stylesheet{\s1 heading 1;}}"
        rb"{\info{\title Log}{\author Ann}{\creatim\yr2024\mo5\dy7}}\pard\s1 Head\par\pard caf\'e9 \u8364?"
        rb"{\f1 \'cf\'f0\'e8}{\pict 8950}{\footnote note}!\par\trowd\intbl A\cell B\cell\row\pard after\par}"
    )
    found = read(tmp_path, data, "a.rtf")
    assert found.told() == [
        ("HEADING1", "Head"), ("TEXT", "café €При!"), ("TEXT", "note"), ("TABLE", "A\tB"), ("TEXT", "after"),
    ]  # fmt: skip
    told = found.reader.properties
    assert (told.title, list(told.authors), told.created_at) == ("Log", ["Ann"], "2024-05-07")
