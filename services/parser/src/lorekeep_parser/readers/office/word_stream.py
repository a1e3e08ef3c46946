"""DOCX as it comes, paragraph by paragraph and row by row: memory stays flat, whatever the document's length."""

import re
from collections.abc import Iterator
from typing import Any

from lorekeep_parser.assembler import parted
from lorekeep_parser.readers import elements, rows
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.office.office_packages import Package, attribute, clear, integer, local
from lorekeep_parser.readers.office.word_notes import Notes
from lorekeep_parser.readers.office.word_text import cell_text, own_text, paragraphs

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_MAX_STYLES = 20_000
_MAX_CELLS = 4096
_PAGE_BREAK = b"lastRenderedPageBreak"
_BLOCK_BYTES = 2**20


def elements_of(package: Package, main: str, notes: Notes) -> Iterator[Element]:
    """Headings, list items, paragraphs and tables in order, notes behind the paragraph that refers to them."""
    levels = _levels(package, main)
    page = 1 if _has_page_breaks(package, main) else 0
    blocks = _blocks(package, main)
    for kind, block in blocks:
        if kind == "table":
            yield from rows.tables(_rows(blocks), page)
            continue
        yield from _paragraph(block, levels, page)
        for line in notes.behind(block):
            yield elements.text(line, page)
        if page:
            page += sum(1 for _ in block.iter("{*}lastRenderedPageBreak"))


def _blocks(package: Package, main: str) -> Iterator[tuple[str, Any]]:
    """Paragraphs outside of tables, `table`, its rows, `end`. Each is let go of when the next is asked for."""
    tables = outer = 0
    for event, element in package.events(main, ("start", "end"), ("{*}p", "{*}tbl", "{*}tr")):
        name, step = local(element), 1 if event == "start" else -1
        if name == "tbl" and not outer:
            tables += step
            if tables == (step == 1):
                yield ("table" if step == 1 else "end"), None
        elif name == "p" and not tables:
            outer += step
            if not outer:
                yield "p", element
                clear(element)
        elif name == "tr" and tables == 1 and step == -1 and not outer:
            yield "row", element
            clear(element)


def _rows(blocks: Iterator[tuple[str, Any]]) -> Iterator[list[str]]:
    for kind, row in blocks:
        if kind == "end":
            return
        cells = [each for each in row.iter("{*}tc") if _row_of(each) is row]
        yield [cell_text(each) for each in cells[:_MAX_CELLS]]


def _row_of(cell: Any) -> Any:
    """The nearest row around a cell."""
    return next((each for each in cell.iterancestors() if local(each) == "tr"), None)


def _paragraph(block: Any, levels: dict[str, int], page: int) -> Iterator[Element]:
    text, boxes = own_text(block)
    level, listed = _role(block, levels)
    for part in parted(text):
        if level:
            yield elements.heading(part, level, page)
        else:
            kind = Kind.ELEMENT_KIND_LIST_ITEM if listed else Kind.ELEMENT_KIND_TEXT
            yield Element(kind=kind, text=part, page=page)
    for box in boxes:
        for line in paragraphs(box):
            yield from (elements.text(part, page) for part in parted(line))


def _role(block: Any, levels: dict[str, int]) -> tuple[int, bool]:
    """A paragraph's level as a heading, 0 for none, and whether it is an item of a list."""
    properties = next((each for each in block if local(each) == "pPr"), None)
    if properties is None:
        return 0, False
    told = {local(each): each for each in properties}
    level = levels.get(attribute(told["pStyle"], "val"), 0) if "pStyle" in told else 0
    if "outlineLvl" in told:
        own = integer(attribute(told["outlineLvl"], "val"), 9) + 1
        level = own if own < 10 else 0
    return level, "numPr" in told


def _levels(package: Package, main: str) -> dict[str, int]:
    """The level of each style that makes headings, by name, by outline, or by the style that it is based on."""
    levels: dict[str, int] = {}
    based: dict[str, str] = {}
    for member in package.related(main, "styles"):
        for style in [each for each in package.tree(member) if local(each) == "style"][:_MAX_STYLES]:
            key, told = attribute(style, "styleId"), {local(each): each for each in style}
            name = attribute(told["name"], "val") if "name" in told else ""
            based[key] = attribute(told["basedOn"], "val") if "basedOn" in told else ""
            outline = next(iter(style.iter("{*}outlineLvl")), None)
            if match := _HEADING.fullmatch(name):
                levels[key] = int(match.group(1))
            elif name.casefold() == "title":
                levels[key] = 1
            elif outline is not None and (level := integer(attribute(outline, "val"), 9)) < 9:
                levels[key] = level + 1
    for key in based:
        ancestor, steps = key, 0
        while ancestor and ancestor not in levels and steps < 16:
            ancestor, steps = based.get(ancestor, ""), steps + 1
        if ancestor in levels:
            levels[key] = levels[ancestor]
    return levels


def _has_page_breaks(package: Package, main: str) -> bool:
    """Whether Word noted where its pages end."""
    with package.opened(main) as file:
        tail = b""
        while block := file.read(_BLOCK_BYTES):
            if _PAGE_BREAK in tail + block:
                return True
            tail = block[-len(_PAGE_BREAK) :]
    return False
