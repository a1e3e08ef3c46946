"""Cuts elements into chunks as they come.

Pieces of one section (one heading and what stands below it) are held until they exceed two chunks; then one is cut off
where it hurts least (`packing`). At the section's end the rest is shared evenly. A heading opens its section's first
chunk and is never the last thing in one. What is held is bounded, whatever the document: memory stays flat, and the
open state fits a checkpoint.
"""

from collections.abc import Iterator
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser import packing
from lorekeep_parser.open_section import OpenSection
from lorekeep_parser.packing import Sizes
from lorekeep_parser.pieces import Kind, Note, Piece, PieceMaker
from lorekeep_parser.tokens import Counter

_LEFT_OUT = frozenset({Kind.ELEMENT_KIND_PAGE_HEADER, Kind.ELEMENT_KIND_PAGE_FOOTER})
_MAX_BOXES = 64


class Chunker:
    """`options` have their defaults filled in. `add` and `finish` give the chunks that closed."""

    def __init__(self, options: parser_pb2.ChunkOptions, counter: Counter) -> None:
        capacity = options.max_tokens - counter.specials
        self._sizes = Sizes(capacity, options.overlap_tokens, options.min_tokens)
        self._counter = counter
        self._maker = PieceMaker(counter, capacity)
        self.section = OpenSection()

    @property
    def count(self) -> int:
        """Chunks so far."""
        return self.section.ordinal

    def add(self, element: document_pb2.Element) -> Iterator[document_pb2.Chunk]:
        """Takes the next element. Page furniture ends what is open, since a chunk is one run of the text."""
        if element.kind in _LEFT_OUT:
            yield from self.finish()
            return
        if self._begins_section(element):
            yield from self.finish()
        self._take(element)
        yield from self._closed(final=False)

    def finish(self) -> Iterator[document_pb2.Chunk]:
        """Closes what is open."""
        yield from self._closed(final=True)
        self.section.clear()

    def state(self) -> dict[str, Any]:
        """What is open, as JSON."""
        return self.section.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.section = OpenSection.restored(state)

    def _begins_section(self, element: document_pb2.Element) -> bool:
        """A heading does, unless only headings stand before it; so does a passage under another path."""
        if not self.section.pieces or self.section.only_headings:
            return False
        return element.kind == Kind.ELEMENT_KIND_HEADING or list(element.heading_path) != self.section.path

    def _take(self, element: document_pb2.Element) -> None:
        heading = element.kind == Kind.ELEMENT_KIND_HEADING
        note = Note(element.kind, element.page, [_sides(each) for each in element.boxes])
        begins_table = self._head(element, note)
        pieces = self._maker.pieces(element, note, begins_table)
        path = [*element.heading_path, element.text] if heading else list(element.heading_path)
        self.section.extend(element, pieces, path)

    def _head(self, element: document_pb2.Element, note: Note) -> bool:
        """Notes the header row that the element's rows stand under; says whether the table begins here.

        A table without HTML behind a table continues it: see `assembler`.
        """
        if element.kind != Kind.ELEMENT_KIND_TABLE:
            self.section.table_header = None
            return False
        if self.section.table_header is None or element.html:
            self.section.table_header = self._maker.header_of(element.text) if "\n" in element.text else ("", 0)
            note.header, note.header_tokens = self.section.table_header
            return True
        note.header, note.header_tokens = self.section.table_header
        return False

    def _closed(self, final: bool) -> Iterator[document_pb2.Chunk]:
        section = self.section
        while section.pieces and section.has_fresh and (final or section.weight > self._sizes.lookahead):
            taken = packing.best_cut(section.pieces, section.fresh, self._sizes, final)
            if taken == 0:
                section.drop_overlap()
                continue
            taken, tokens = self._counted(taken)
            yield self._chunk(section.pieces[:taken], tokens)
            section.cut(taken, 0 if taken == len(section.pieces) else self._overlap(taken))

    def _overlap(self, taken: int) -> int:
        return packing.overlapping(self.section.pieces, taken, self._sizes)

    def _counted(self, taken: int) -> tuple[int, int]:
        """The true length of a chunk of `taken` pieces; fewer are taken where their sum was too small a guess."""
        while True:
            tokens = self._tokens(self.section.pieces[:taken])
            fits = tokens <= self._sizes.capacity + self._counter.specials
            if fits or taken <= self.section.fresh + 1:
                return (taken, tokens) if fits else self._squeezed()
            taken -= 1

    def _squeezed(self) -> tuple[int, int]:
        """One fresh piece is too long with the overlap before it, or by itself where white space costs tokens."""
        if self.section.fresh:
            self.section.drop_overlap()
            return self._counted(1)
        first = self.section.pieces[0]
        if first.end - first.start < 2:  # nothing is left to cut; no known tokenizer comes here
            return 1, self._tokens([first])
        self.section.replace_first(self._maker.halved(first, self.section.text_between(first.start, first.end)))
        return self._counted(1)

    def _tokens(self, pieces: list[Piece]) -> int:
        """Tokens of a chunk with context and special tokens, as the model will count them."""
        if self._counter.additive and all(each.spaced for each in pieces[1:]):
            return sum(each.tokens for each in pieces) + packing.context_tokens(pieces[0]) + self._counter.specials
        context = _context(pieces[0])
        text = self.section.text_between(pieces[0].start, pieces[-1].end)
        return self._counter.whole(f"{context}\n{text}" if context else text)

    def _chunk(self, pieces: list[Piece], tokens: int) -> document_pb2.Chunk:
        notes = list({id(each.note): each.note for each in pieces}.values())
        pages = [each.page for each in notes]
        return document_pb2.Chunk(
            ordinal=self.section.next_ordinal(),
            text=self.section.text_between(pieces[0].start, pieces[-1].end),
            context=_context(pieces[0]),
            start=pieces[0].start,
            end=pieces[-1].end,
            page=pages[0],
            page_end=max(pages),
            heading_path=self.section.path,
            kind=_common_kind(notes),
            boxes=_boxes(notes),
            token_count=tokens,
        )


def _context(first: Piece) -> str:
    return first.note.header if first.headed else ""


def _common_kind(notes: list[Note]) -> document_pb2.ElementKind:
    """The kind of what stands below the headings; that of the headings where there is nothing else."""
    kinds = {each.kind for each in notes if each.kind != Kind.ELEMENT_KIND_HEADING}
    if not kinds:
        return Kind.ELEMENT_KIND_HEADING
    return kinds.pop() if len(kinds) == 1 else Kind.ELEMENT_KIND_TEXT


def _sides(box: document_pb2.BoundingBox) -> list[float]:
    return [box.page, box.left, box.top, box.right, box.bottom]


def _boxes(notes: list[Note]) -> list[document_pb2.BoundingBox]:
    """The boxes of the elements; where they are very many, one for each page around all of them."""
    sides = [each for note in notes for each in note.boxes]
    if len(sides) > _MAX_BOXES:
        sides = _around(sides)
    return [document_pb2.BoundingBox(page=int(p), left=a, top=b, right=c, bottom=d) for p, a, b, c, d in sides]


def _around(sides: list[list[float]]) -> list[list[float]]:
    of_page: dict[float, list[float]] = {}
    for page, left, top, right, bottom in sides:
        seen = of_page.setdefault(page, [page, left, top, right, bottom])
        seen[1:] = [min(seen[1], left), min(seen[2], top), max(seen[3], right), max(seen[4], bottom)]
    return list(of_page.values())[:_MAX_BOXES]
