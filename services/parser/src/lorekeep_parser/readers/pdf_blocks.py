"""Paragraphs, list items, headings and furniture from lines."""

import re
from collections.abc import Iterator, Sequence

from lorekeep.document.v1 import document_pb2
from lorekeep_parser.readers import pdf_lines
from lorekeep_parser.readers.elements import Element, Kind
from lorekeep_parser.readers.pdf_lines import HYPHEN_MARKS, Line
from lorekeep_parser.readers.pdf_style import Style

_BULLET = re.compile(r"([•●▪◦‣■□○–*·\uf0b7-]|\(?(\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+\S", re.IGNORECASE)
_SENTENCE_END = (".", "!", "?", ":", "。", "！", "？", ".”", '."')
_SIZE_TOLERANCE = 0.08
_LOOSE = 1.4
_INDENT = 0.012
_SHORT = 0.85
_FURNITURE = {-1: Kind.ELEMENT_KIND_PAGE_HEADER, 1: Kind.ELEMENT_KIND_PAGE_FOOTER}


def elements(lines: Sequence[Line], style: Style, page: int) -> Iterator[Element]:
    """The elements of a page; furniture behind everything else."""
    furniture = list(zip(style.furniture(lines), lines, strict=True))
    for block in _blocks([line for edge, line in furniture if not edge], style):
        yield _element(block, style, page)
    for edge, line in furniture:
        if edge:
            yield Element(kind=_FURNITURE[edge], text=line.text, page=page, boxes=[_box([line], page)])


def _blocks(lines: Sequence[Line], style: Style) -> Iterator[list[Line]]:
    pitch = pdf_lines.usual_pitch(lines)
    block: list[Line] = []
    for line in lines:
        if block and _parted(block, line, pitch):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _parted(block: Sequence[Line], line: Line, pitch: float) -> bool:
    """Whether a line begins a new block."""
    before = block[-1]
    step = line.bottom - before.bottom
    if _same_row(before, line):
        return False
    if step < 0 or step > _LOOSE * max(pitch, 1.1 * min(line.size, before.size)):
        return True
    if abs(line.size - before.size) > _SIZE_TOLERANCE * max(line.size, before.size) or line.bold != before.bold:
        return True
    if _BULLET.match(line.text):
        return True
    if _BULLET.match(block[0].text):
        # An item goes on in lines that are indented like it or more.
        return line.left < block[0].left - _INDENT
    ended = before.text.endswith(_SENTENCE_END)
    widest = max(each.right for each in block)
    short = before.right - before.left < _SHORT * (widest - before.left)
    return ended and (short or line.left > before.left + _INDENT)


def _same_row(before: Line, line: Line) -> bool:
    """Pieces of one row: cells of a table, or words set apart."""
    overlap = min(before.bottom, line.bottom) - max(before.top, line.top)
    return overlap > 0.6 * min(before.bottom - before.top, line.bottom - line.top) > 0 and line.left >= before.left


def _element(block: Sequence[Line], style: Style, page: int) -> Element:
    text = joined([each.text for each in block])
    element = Element(kind=Kind.ELEMENT_KIND_TEXT, text=text, page=page, boxes=[_box(block, page)])
    level = style.level(text, block[0].size, all(each.bold for each in block), len(block))
    if level:
        element.kind, element.level = Kind.ELEMENT_KIND_HEADING, level
    elif _BULLET.match(block[0].text):
        element.kind = Kind.ELEMENT_KIND_LIST_ITEM
    return element


def joined(texts: Sequence[str]) -> str:
    """Lines as running text: a word parted at a line's end is mended."""
    text = ""
    for each in texts:
        kept, gap = (text[:-1], "") if _parted_word(text, each) else (text, " " if text else "")
        text = kept + gap + each
    for mark in HYPHEN_MARKS[:2]:
        text = text.replace(mark, "-")
    return text


def _parted_word(before: str, after: str) -> bool:
    """Whether a word goes on in the next line: PDFium marked it, or a hyphen stands between small letters."""
    if before.endswith(tuple(HYPHEN_MARKS)):
        return True
    return len(before) > 1 and before[-1] in "-‐" and before[-2].islower() and after[:1].islower()


def _box(block: Sequence[Line], page: int) -> document_pb2.BoundingBox:
    return document_pb2.BoundingBox(
        page=page,
        left=min(each.left for each in block),
        top=min(each.top for each in block),
        right=max(each.right for each in block),
        bottom=max(each.bottom for each in block),
    )
