"""Element JSON of the unstructured API: what our own route tells is read back; nonsense is typed."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.parser.parser_process import Client

from lorekeep.document.v1.document_pb2 import BoundingBox, Element, ElementKind, Verdict
from lorekeep_chassis.errors import InvalidInput
from lorekeep_gateway.http.partition.answers import json_of
from lorekeep_gateway.http.partition.elements import Partition
from lorekeep_gateway.http.partition.parameters import Parameters
from lorekeep_parser.formats.media import Media
from lorekeep_parser.page import Wishes
from lorekeep_parser.readers import elements_json

_PLAIN = ["TEXT", "HEADING", "LIST_ITEM", "CAPTION", "PAGE_FOOTER", "CODE"]
_WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=8)
_TEXTS = st.lists(_WORDS, min_size=1, max_size=6).map(" ".join)
_SIDES = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda pair: [each / 100 for each in sorted(pair)])


@st.composite
def _elements(draw: Any) -> list[Element]:
    page, made = 1, []
    for name in draw(st.lists(st.sampled_from([*_PLAIN, "TABLE"]), min_size=1, max_size=8)):
        page += draw(st.integers(0, 2))
        element = Element(kind=ElementKind.Value(f"ELEMENT_KIND_{name}"), page=page)
        rows = draw(st.lists(st.lists(_WORDS, min_size=2, max_size=3), min_size=1, max_size=4))
        element.text = "\n".join(map("\t".join, rows)) if name == "TABLE" else draw(_TEXTS)
        element.level = draw(st.integers(1, 6)) if name == "HEADING" else 0
        (left, right), (top, bottom) = draw(_SIDES), draw(_SIDES)
        if name != "TABLE":
            element.boxes.add(page=page, left=left, right=right, top=top, bottom=bottom)
        made.append(element)
    return made


def told(elements: list[Element]) -> list[dict[str, Any]]:
    """What our own route says of elements."""
    parameters = Parameters(coordinates=True)
    partition = Partition("a.pdf", Verdict(language="en"), "application/pdf", parameters)
    found: list[dict[str, Any]] = json.loads("".join(json_of([partition.elements(elements)])))
    return found


def read(path: Path, content: Any) -> elements_json.ElementsReader:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return elements_json.opened(path, Media.ELEMENTS, "a.pdf", Wishes())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(elements=_elements())
def test_what_our_route_tells_is_read_back(tmp_path: Path, elements: list[Element]) -> None:
    reader = read(tmp_path / "a", told(elements))
    pages = [list(page.elements) for page in reader.pages(0)]
    assert len(pages) == reader.pages_total == elements[-1].page
    found = [each for page in pages for each in page]
    for mine, other in zip(elements, found, strict=True):
        assert (other.kind, other.text, other.page, other.level) == (mine.kind, mine.text, mine.page, mine.level)
        assert bool(other.html) == (mine.kind == ElementKind.ELEMENT_KIND_TABLE)
        for one, two in zip(mine.boxes, other.boxes, strict=True):
            for side in ("left", "right", "top", "bottom"):
                assert math.isclose(getattr(one, side), getattr(two, side), abs_tol=1e-4)
    assert reader.media_type == "application/pdf"
    assert [[each.text for each in page.elements] for page in reader.pages(1)] == [
        [each.text for each in page] for page in pages[1:]
    ]


def told_one(**fields: Any) -> list[dict[str, Any]]:
    metadata = fields.pop("metadata", {})
    return [{"type": "Table", "text": "a b", "element_id": "x", "metadata": metadata, **fields}]


NONSENSE: dict[str, Any] = {
    "no JSON": b"<html>not here</html>",
    "cut off": b'[{"type": "Title", "text": "a"',
    "not a list": {"detail": "no"},
    "no objects": ["a", 1],
    "no type": [{"text": "a"}],
    "a text that is none": [{"type": "Title", "text": 5}],
    "metadata that are none": [{"type": "Title", "text": "a", "metadata": []}],
    "a page that is none": told_one(metadata={"page_number": "first"}),
    "a page too far": told_one(metadata={"page_number": 10**9}),
    "deep": b"[" * 200_000,
    "UTF-16 by halves": b"\xff\xfe[",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_damaged(tmp_path: Path, what: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        list(read(tmp_path / "a", NONSENSE[what]).pages(0))
    assert caught.value.reason == "corrupt"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    found=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["type", "text", "metadata", "coordinates", "points", "page_number", "text_as_html"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_read_or_damaged(tmp_path: Path, found: Any) -> None:
    try:
        pages = [list(page.elements) for page in read(tmp_path / "a", [found]).pages(0)]
    except InvalidInput as error:
        assert error.reason == "corrupt"
    else:
        assert all(isinstance(each, Element) for page in pages for each in page)


def test_a_table_whose_html_lacks_rows_keeps_its_text(tmp_path: Path) -> None:
    for html, text in (("<table><tr><td>a</td></tr></table>", "a and much more"), ("", "a"), ("<!-- -->", "b")):
        (page,) = read(tmp_path / "a", told_one(text=text, metadata={"text_as_html": html})).pages(0)
        (table,) = page.elements
        assert (table.text, table.html) == (text, "<table></table>")


def test_coordinates_of_every_system_are_boxes(tmp_path: Path) -> None:
    corners = [[10, 20], [10, 40], [30, 40], [30, 20]]
    for system, top, bottom in (("PixelSpace", 0.1, 0.2), ("PointSpace", 0.8, 0.9)):
        coordinates = {"system": system, "points": corners, "layout_width": 100, "layout_height": 200}
        found = told_one(type="Text", metadata={"page_number": 1, "coordinates": coordinates})
        ((element,),) = [list(page.elements) for page in read(tmp_path / "a", found).pages(0)]
        (box,) = element.boxes
        expected = BoundingBox(page=1, left=0.1, right=0.3, top=top, bottom=bottom)
        for side in ("left", "right", "top", "bottom"):
            assert math.isclose(getattr(box, side), getattr(expected, side), abs_tol=1e-6)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_parser_reads_it_only_where_it_is_declared(client: Client) -> None:
    content = json.dumps(told([Element(kind=2, text="One", level=1, page=1), Element(kind=1, text="Two.", page=3)]))
    parsed = await client.parse(content.encode(), "a.pdf", declared_media_type=Media.ELEMENTS)
    assert [each.text for each in parsed.elements] == ["One", "Two."]
    assert (parsed.verdict.route, parsed.verdict.media_type) == ("remote", "application/pdf")
    assert (parsed.verdict.pages_read, parsed.verdict.pages_empty) == (3, 1)
    plain = await client.parse(content.encode(), "a.json")
    assert plain.verdict.route != "remote"
