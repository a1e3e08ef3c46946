"""Paragraphs, list items, captions, headings and furniture from lines."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.pdf import words
from lorekeep_parser.readers.pdf.lines import Line, usual_pitch
from lorekeep_parser.readers.pdf.order import same_row
from lorekeep_parser.readers.pdf.style import Style
from lorekeep_parser.readers.pdf.tables import Table, in_place

# Symbol fonts have their bullets among the private characters.
_BULLET = re.compile(r"([•●▪◦‣■□○◆➢➤✓✔–*·\uf020-\uf0ff-]|\(?(\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+\S", re.IGNORECASE)
_PRIVATE_BULLET = re.compile(r"^[\uf020-\uf0ff](?=\s)")
_CAPTION = re.compile(
    r"(figure|fig\.?|table|tab\.?|chart|listing|exhibit|scheme|plate|box|algorithm|abbildung|abb\.?|tabelle|tableau|"
    r"figura|tabla|tabela|tabella|図|表|图)\s*([A-Z]?\d+|[IVX]+)([.\-–]\d+)*[a-z]?\s*([:.|–—]|$)",
    re.IGNORECASE,
)
_SENTENCE_END = (".", "!", "?", ":", "。", "！", "？", ".”", '."')
_SIZE_TOLERANCE = 0.08
_LOOSE = 1.4
_INDENT = 0.012
_SHORT = 0.85
_FURNITURE = {-1: Kind.ELEMENT_KIND_PAGE_HEADER, 1: Kind.ELEMENT_KIND_PAGE_FOOTER}


def elements(lines: Sequence[Line], tables: Sequence[Table], style: Style, page: int) -> Iterator[Element]:
    """The elements of a page, each table where its lines stood; furniture behind everything else."""
    furniture = list(zip(style.furniture(lines, page), lines, strict=True))
    for part in in_place([line for edge, line in furniture if not edge], tables):
        if isinstance(part, Table):
            yield part.element(page)
            continue
        for block in blocks(part):
            yield _element(block, style, page)
    for edge, line in furniture:
        if edge:
            text = words.normalised(line.text)
            yield Element(kind=_FURNITURE[edge], text=text, page=page, boxes=[_box([line], page)])


def blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines in groups that belong together, in the order given."""
    pitch = usual_pitch(lines)
    block: list[Line] = []
    widest = 0.0
    for line in lines:
        if block and _parted(block, line, pitch, widest):
            yield block
            block, widest = [], 0.0
        block.append(line)
        widest = max(widest, line.right)
    if block:
        yield block


def _parted(block: Sequence[Line], line: Line, pitch: float, widest: float) -> bool:
    """Whether a line begins a new block. `widest` is how far the block reaches to the right."""
    before = block[-1]
    step = line.bottom - before.bottom
    if line.left >= before.left and same_row(before, line):
        return False
    if line.aside != before.aside or step < 0 or step > _LOOSE * max(pitch, 1.1 * min(line.size, before.size)):
        return True
    if abs(line.size - before.size) > _SIZE_TOLERANCE * max(line.size, before.size) or line.bold != before.bold:
        return True
    if _BULLET.match(line.text) or _CAPTION.match(line.text):
        return True
    if _BULLET.match(block[0].text):
        # An item goes on in lines that are indented like it or more.
        return line.left < block[0].left - _INDENT
    ended = before.text.endswith(_SENTENCE_END)
    short = before.right - before.left < _SHORT * (widest - before.left)
    return ended and (short or line.left > before.left + _INDENT)


def _element(block: Sequence[Line], style: Style, page: int) -> Element:
    text = words.joined([each.text for each in block], style.compounds)
    element = Element(kind=Kind.ELEMENT_KIND_TEXT, text=text, page=page, boxes=[_box(block, page)])
    level = style.level(text, block[0].size, all(each.bold for each in block), _rows_of(block))
    if _CAPTION.match(text):
        element.kind = Kind.ELEMENT_KIND_CAPTION
    elif level:
        element.kind, element.level = Kind.ELEMENT_KIND_HEADING, level
    elif _BULLET.match(text):
        element.kind, element.text = Kind.ELEMENT_KIND_LIST_ITEM, _PRIVATE_BULLET.sub("•", text)
    return element


def _rows_of(block: Sequence[Line]) -> int:
    return 1 + sum(1 for before, line in pairwise(block) if not same_row(before, line))


def _box(block: Sequence[Line], page: int) -> document_pb2.BoundingBox:
    return document_pb2.BoundingBox(
        page=page,
        left=min(each.left for each in block),
        top=min(each.top for each in block),
        right=max(each.right for each in block),
        bottom=max(each.bottom for each in block),
    )
