"""Cuts elements into chunks as they come, along the document's structure.

Pieces of one section (one heading and what stands below it) are held until they exceed two chunks; then one is cut off
where it hurts least (`packing`). At the section's end the rest is shared evenly. A heading opens its section's first
chunk and is never the last thing in one. What is held is bounded, whatever the document: memory stays flat, and the
open state fits a checkpoint.
"""

from collections.abc import Iterator
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser.chunking import chunk_facts, packing, sentences
from lorekeep_parser.chunking.open_section import OpenSection
from lorekeep_parser.chunking.packer import Measure, Packer, Taken
from lorekeep_parser.chunking.packing import Cut
from lorekeep_parser.chunking.pieces import STRUCTURE, Costs, Kind, Note
from lorekeep_parser.chunking.tokens import Counter

# What is held, before compression: a checkpoint has room for 256 KiB, and text of any script packs into less than this.
MAX_HELD_BYTES = 220_000


class Chunker:
    """`options` have their defaults filled in. `add` and `finish` give the chunks that closed."""

    def __init__(
        self,
        options: parser_pb2.ChunkOptions,
        counter: Counter,
        costs: Costs = STRUCTURE,
        cut: Cut = packing.best_cut,
    ) -> None:
        measure = Measure(counter, options.prefix)
        self._packer = Packer(measure, options.max_tokens, options.overlap_tokens, options.min_tokens, costs, cut)
        self._maker = self._packer.maker
        self._costs = costs
        # Held before a chunk is cut off, so that the last two of a section can share evenly.
        self._lookahead = 2 * self._packer.sizes.capacity
        self.section = OpenSection()

    @property
    def count(self) -> int:
        """Chunks so far."""
        return self.section.ordinal

    def add(self, element: document_pb2.Element) -> Iterator[document_pb2.Chunk]:
        """Takes the next element. Page furniture ends what is open, since a chunk is one run of the text."""
        if element.kind in chunk_facts.FURNITURE:
            yield from self.finish()
            return
        yield from self._added(element, element.text)

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

    def _added(self, element: document_pb2.Element, title: str) -> Iterator[document_pb2.Chunk]:
        if self._begins_section(element):
            yield from self.finish()
        self._take(element, title)
        yield from self._closed(final=False)

    def _begins_section(self, element: document_pb2.Element) -> bool:
        """A heading does, unless only headings stand before it; so does a passage under another path."""
        if not self.section.pieces or self.section.only_headings:
            return False
        return element.kind == Kind.ELEMENT_KIND_HEADING or list(element.heading_path) != self.section.path

    def _take(self, element: document_pb2.Element, title: str) -> None:
        note = chunk_facts.noted(element, title)
        begins_table = self._head(element, note)
        if self._torn(element):
            self.section.pieces[-1].cost = self._costs.torn
        self.section.extend(
            element.text, element.start, self._maker.pieces(element.text, element.start, note, begins_table)
        )

    def _torn(self, element: document_pb2.Element) -> bool:
        """Whether a sentence goes on in the element, as behind a page's end."""
        if element.kind != Kind.ELEMENT_KIND_TEXT or not self.section.pieces or not element.text[:1].islower():
            return False
        last = self.section.pieces[-1]
        ending = self.section.text_between(max(last.start, last.end - 16), last.end)
        return last.note.kind == Kind.ELEMENT_KIND_TEXT and not sentences.finished(ending)

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
        while self.section.has_fresh and (final or self._full()):
            yield from self._chunks(self._packer.taken(self.section, final))

    def _full(self) -> bool:
        return self.section.weight > self._lookahead or self.section.held_bytes > MAX_HELD_BYTES

    def _chunks(self, taken: Taken) -> Iterator[document_pb2.Chunk]:
        """What becomes of a chunk's worth of pieces."""
        yield self._chunk(taken)

    def _chunk(self, taken: Taken) -> document_pb2.Chunk:
        notes = list({id(each.note): each.note for each in taken.pieces}.values())
        chunk = chunk_facts.chunk(self.section.next_ordinal(), taken.text, taken.pieces[0].start, notes, taken.tokens)
        chunk.context = taken.context
        return chunk
