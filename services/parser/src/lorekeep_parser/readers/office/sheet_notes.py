"""What stands on a sheet besides its cells: comments, text boxes, charts."""

from collections.abc import Iterator
from typing import Any

from lorekeep_parser.page import Page
from lorekeep_parser.readers import elements
from lorekeep_parser.readers.office import charts
from lorekeep_parser.readers.office.office_packages import Package, attribute, local
from lorekeep_parser.readers.office.sheet_xml import note_cut, rich_text

_MAX_NOTES = 10_000
_MAX_CHARTS = 200


def people(package: Package, main: str) -> dict[str, str]:
    """Who wrote threaded comments, by id."""
    found = {}
    for member in package.related(main, "person"):
        root = package.tree(member)
        for each in () if root is None else root[:_MAX_NOTES]:
            found[attribute(each, "id")] = attribute(each, "displayName")
    return found


def notes(package: Package, sheet: str, number: int, page: Page, names: dict[str, str]) -> Iterator[elements.Element]:
    """Comments by cell, then texts of shapes, then charts."""
    lines = list(_threads(package, sheet, names))
    # Of a thread, the older kind of comment holds a copy.
    lines = lines or list(_comments(package, sheet))
    if len(lines) > _MAX_NOTES:
        note_cut(page, f"comments_left_out: a sheet has more than {_MAX_NOTES} comments")
    for line in lines[:_MAX_NOTES]:
        yield elements.text(line, number)
    for drawing in package.related(sheet, "drawing"):
        root = package.tree(drawing)
        for text in [] if root is None else shape_texts(root):
            yield elements.text(text, number)
        for member in package.related(drawing, "chart", "chartEx")[:_MAX_CHARTS]:
            if (chart := package.tree(member)) is not None:
                yield from charts.elements_of(chart, number)


def _comments(package: Package, sheet: str) -> Iterator[str]:
    for member in package.related(sheet, "comments"):
        root = package.tree(member)
        for each in () if root is None else root.iter("{*}comment"):
            text = " ".join(rich_text(part) for part in each if local(part) == "text").strip()
            if text:
                yield f"Comment on {attribute(each, 'ref')[:20]}: {text}"


def _threads(package: Package, sheet: str, names: dict[str, str]) -> Iterator[str]:
    for member in package.related(sheet, "threadedComment"):
        root = package.tree(member)
        for each in () if root is None else root.iter("{*}threadedComment"):
            text = " ".join(part.text or "" for part in each if local(part) == "text").strip()
            author = names.get(attribute(each, "personId"), "")
            if text:
                by = f" by {author[:200]}" if author else ""
                yield f"Comment on {attribute(each, 'ref')[:20]}{by}: {text}"


def shape_texts(root: Any) -> Iterator[str]:
    """The text of each shape of a drawing, a paragraph a line."""
    for body in root.iter("{*}txBody"):
        lines = ["".join(part.text or "" for part in each.iter("{*}t")) for each in body if local(each) == "p"]
        text = "\n".join(each for each in lines if each.strip())
        if text:
            yield text
