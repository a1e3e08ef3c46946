"""XML, JSON, notebooks, subtitles and light markup: nothing is lost, and literals stay as they are written."""

from pathlib import Path

import pytest
from tests.parser.text_files import open_document
from tests.parser.text_reading import read


def test_an_article_in_xml(tmp_path: Path) -> None:
    data = (
        "<article><front><article-title>The <i>big</i> lamp</article-title></front><body><sec><title>Intro</title>"
        "<p>H<sub>2</sub>O <b>is</b> wet.</p><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td/></tr></table>"
        "<code>  x\n  y</code></sec></body></article>"
    )
    found = read(tmp_path, data, "a.xml")
    assert found.told() == [
        ("HEADING2", "The big lamp"), ("HEADING3", "Intro"), ("TEXT", "H2O is wet."), ("TABLE", "A\tB\n1"),
        ("CODE", "  x\n  y"),
    ]  # fmt: skip
    assert found.reader.properties.title == "The big lamp"


def test_a_feed_with_pages_in_its_entries(tmp_path: Path) -> None:
    item = "<item><title>{0}</title><description>&lt;p&gt;About &lt;b&gt;{0}&lt;/b&gt;</description></item>"
    data = f"<rss><channel><title>Feed</title>{item.format('Oil')}{item.format('Wick')}</channel></rss>"
    assert read(tmp_path, data, "a.xml").told() == [
        ("HEADING1", "Feed"), ("HEADING2", "Oil"), ("TEXT", "About Oil"), ("HEADING2", "Wick"), ("TEXT", "About Wick"),
    ]  # fmt: skip


def test_records_in_xml_are_lines_of_one_passage_each(tmp_path: Path) -> None:
    data = "<all><one><name>Ann</name><age>4</age></one><one><name>Bob</name><age>5</age></one></all>"
    assert read(tmp_path, data, "a.xml").told() == [("TEXT", "Ann\n4"), ("TEXT", "Bob\n5")]


def test_xml_of_attributes_alone_is_shown_as_it_stands(tmp_path: Path) -> None:
    assert read(tmp_path, '<all><one name="Ann"/></all>', "a.xml").told() == [("CODE", '<all><one name="Ann"/></all>')]


def test_damaged_xml_is_read_and_said_to_be(tmp_path: Path) -> None:
    found = read(tmp_path, '<?xml version="1.0"?><a><b>oil & wick</b><c>lamp</a>', "a.xml")
    assert found.flat == "oil & wick lamp"
    assert found.warnings[0].startswith("damaged_markup: ")


def test_json_keeps_its_literals(tmp_path: Path) -> None:
    data = '{"a":1.10,"big":12345678901234567890123,"a":"d\\u00e9j\\u00e0 \\"q\\" \\\\u00e9","e":[],'
    data += '"l":[1,{"x":null}]}'
    assert read(tmp_path, data, "a.json").told() == [
        (
            "CODE",
            '{\n  "a": 1.10,\n  "big": 12345678901234567890123,\n  "a": "déjà \\"q\\" \\\\u00e9",\n'
            '  "e": [],\n  "l": [\n    1,\n    {\n      "x": null\n    }\n  ]\n}',
        )
    ]


@pytest.mark.parametrize("data", ['{\n "a" : 1.0,\n "b": 2\n\n}', '{"a": 1, // no JSON\n', "[1, 2"])
def test_json_that_has_its_lines_or_is_none_stays_as_it_is(tmp_path: Path, data: str) -> None:
    assert read(tmp_path, data, "a.json").flat == " ".join(data.split())


def test_lines_of_json(tmp_path: Path) -> None:
    found = read(tmp_path, '{"a": 1.10}\n\n{"a": "\\u00e9"}\n', "a")
    assert found.told() == [("CODE", '{"a": 1.10}\n{"a": "é"}')]
    assert found.reader.media_type == "application/jsonl"


def test_a_notebook(tmp_path: Path) -> None:
    data = (
        '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "markdown", "source": ["# Head\\n", "words"]},'
        '{"cell_type": "code", "source": "print(1)", "outputs": [{"output_type": "stream", "text": ["1\\n"]},'
        '{"data": {"text/html": "<table><tr><td>a<td>b</table>", "text/plain": "gone"}}, 7]}, null]}'
    )
    assert read(tmp_path, data, "a.ipynb").told() == [
        ("HEADING1", "Head"), ("TEXT", "words"), ("CODE", "print(1)"), ("CODE", "1"), ("TABLE", "a\tb"),
    ]  # fmt: skip


def test_subtitles(tmp_path: Path) -> None:
    vtt = "WEBVTT - Night\n\nSTYLE\n::cue {}\n\nNOTE aside\n\n"
    vtt += "1\n00:01.000 --> 00:02.000 align:start\n<v Ann>Oil &amp; wick\n"
    assert read(tmp_path, vtt, "a.vtt").flat == "- Night aside Ann: Oil & wick"
    srt = "1\n00:00:01,000 --> 00:00:02,000\n<i>Oil</i>\n\n2\n00:00:03,000 --> 00:00:04,000\n3 < 4\n"
    assert read(tmp_path, srt, "a.srt").flat == "Oil 3 < 4"


_LIGHT = {
    "a.rst": ("Lamp\n====\n\nOil::\n\n  x = 1\n\n- one\n- two\n\nWick\n----\nend\n", ["HEADING1", "TEXT", "CODE"]),
    "a.org": ("* Lamp\n** Oil\nwords\n#+begin_src\n* no head\n#+end_src\n", ["HEADING1", "HEADING2", "TEXT", "CODE"]),
    "a.adoc": ("= Lamp\n\n== Oil\nwords\n\n----\n== no head\n----\n", ["HEADING1", "HEADING2", "TEXT", "CODE"]),
    "a.tex": ("\\section{Lamp}\nwords $x$\n\\begin{verbatim}\n\\section{no}\n\\end{verbatim}\n", ["HEADING2", "TEXT"]),
}


@pytest.mark.parametrize("name", sorted(_LIGHT))
def test_light_markup_keeps_every_word(tmp_path: Path, name: str) -> None:
    data, kinds = _LIGHT[name]
    found = read(tmp_path, data, name)
    assert [kind for kind, _ in found.told()][: len(kinds)] == kinds
    words = [word for word in data.split() if word.strip("=-*\\").isalnum()]
    assert all(word in found.flat for word in words)


def test_text_about_markup_is_text_where_its_name_says_so(tmp_path: Path) -> None:
    text = "How a list is written:\n\n" + "<ul><li>a</li></ul>\n" * 5
    assert read(tmp_path, text, "lists.txt").flat == " ".join(text.split())
    assert read(tmp_path, text[text.index("<") :], "lists.txt").reader.route == "html"


def test_a_flat_opendocument_is_what_it_shows(tmp_path: Path) -> None:
    names = 'xmlns:office="o" xmlns:text="t" xmlns:config="c"'
    text = (
        f'<?xml version="1.0"?><office:document {names}><office:settings><config:item>true</config:item>'
        "</office:settings><office:body><office:text><text:h>Lamp</text:h><text:p>It burns<text:s/>low.</text:p>"
        "<office:binary-data>iVBORw0</office:binary-data></office:text></office:body></office:document>"
    )
    assert read(tmp_path, text, "lamp.fodt").told() == [("HEADING1", "Lamp"), ("TEXT", "It burns low.")]


def test_a_long_table_of_markdown_is_read_row_by_row(tmp_path: Path) -> None:
    body = "".join(f"| row {number} | **{number}** | a \\| b |\n" for number in range(2_000))
    fenced = "```\n| x | y |\n|---|---|\n" + "| 1 | 2 |\n" * 300 + "```\n"
    text = f"# Rows\n\nAbove *it*.\n\n| one | `two` | three |\n|:--|--:|---|\n{body}\nBelow **it**.\n\n{fenced}"
    made = read(tmp_path, text, "rows.md")
    assert made.told()[:2] == [("HEADING1", "Rows"), ("TEXT", "Above it.")]
    assert made.told()[2][1].startswith("one\ttwo\tthree\nrow 0\t0\ta | b\nrow 1\t1\ta | b\n")
    assert "row 1999 1999 a | b Below it. | x | y | |---|---| | 1 | 2 |" in made.flat
    assert made.told()[-1][0] == "CODE"
    assert not made.warnings


def test_markdown_that_is_not_taken_apart_says_so(tmp_path: Path) -> None:
    made = read(tmp_path, "# Deep\n\n" + "> " * 80 + "**words**\n", "deep.md")
    assert "**words**" in made.flat
    assert [each.partition(":")[0] for each in made.warnings] == ["markup_kept"]


def test_the_top_and_the_bottom_of_the_pages_of_an_opendocument(tmp_path: Path) -> None:
    styles = (
        '<office:document-styles xmlns:office="o" xmlns:style="s" xmlns:text="t"><office:master-styles>'
        "<style:master-page><style:header><text:p>Lamps<text:tab/>and keys</text:p></style:header>"
        "<style:header-left><text:p>Lamps<text:tab/>and keys</text:p></style:header-left>"
        "<style:footer><text:p>Page <text:page-number>7</text:page-number> of all</text:p></style:footer>"
        "</style:master-page></office:master-styles></office:document-styles>"
    )
    body = "<office:body><office:text><text:p>It burns.</text:p></office:text></office:body>"
    made = read(tmp_path, open_document("text", body, ("styles.xml", styles)), "lamp.odt")
    assert made.told() == [("PAGE_HEADER", "Lamps and keys"), ("TEXT", "It burns."), ("PAGE_FOOTER", "Page of all")]
    broken = read(tmp_path, open_document("text", body, ("styles.xml", "<a>")), "lamp.odt")
    assert broken.told() == [("TEXT", "It burns.")]
