"""A job in a child: reads a document, or chunks stored elements, and sends what comes of it."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import child_limits, failures, tokenizer_rack
from lorekeep_parser.assembler import MAX_SEGMENT_CHARACTERS, Assembler
from lorekeep_parser.chunker import Chunker
from lorekeep_parser.open_section import OpenSection
from lorekeep_parser.page import Page, Reader, Wishes
from lorekeep_parser.tokens import TokenCounter
from lorekeep_parser.verdicts import Tally

_STATE_VERSION = 1
MAX_STATE_BYTES = 256 * 1024
OCR_WARNING = "ocr_unavailable"


class Peer(Protocol):
    """Who gets the answers."""

    def respond(self, message: bytes) -> None:
        """Takes a serialised response."""
        ...

    def request(self) -> bytes | None:
        """The next serialised segment; None when there are no more."""
        ...


def work(job: dict[str, object], peer: Peer) -> None:
    """Does the job; typed errors where the document is at fault."""
    counter = tokenizer_rack.counter(str(job["tokenizer"]))
    start = base64.b64decode(str(job["start"]))
    if job["mode"] == "chunk":
        chunk(parser_pb2.ChunkOptions.FromString(start), counter, peer)
        return
    from lorekeep_parser import readers

    opening = parser_pb2.ParseStart.FromString(start)
    wishes = Wishes(opening.strategy, tuple(opening.languages), opening.attachments)
    reader = readers.opened(Path(str(job["path"])), opening.name, opening.declared_media_type, wishes)
    Reading(opening, reader, counter, peer).run()


def chunk(options: parser_pb2.ChunkOptions, counter: TokenCounter, peer: Peer) -> None:
    """Chunks the segments that the peer gives."""
    chunker = Chunker(options, counter)

    def send(chunks: Iterable[document_pb2.Chunk]) -> None:
        for each in chunks:
            peer.respond(parser_pb2.ChunkResponse(chunk=each).SerializeToString())

    while (data := peer.request()) is not None:
        for element in document_pb2.Segment.FromString(data).elements:
            send(chunker.add(element))
    send(chunker.finish())


class Reading:
    """One document on its way through assembler and chunker."""

    def __init__(self, start: parser_pb2.ParseStart, reader: Reader, counter: TokenCounter, peer: Peer) -> None:
        self._batch_pages = start.batch_pages
        self._reader = reader
        self._peer = peer
        self._chunker = Chunker(start.chunk_options, counter)
        self._assembler, self._tally = Assembler(), Tally()
        # Where the next batch begins: whole pages, and elements of the page behind them.
        self._pages_done, self._elements_done = 0, 0
        self._pages_in_batch = 0
        # A state fits only the options it was made with.
        self._options = hashlib.sha256(start.chunk_options.SerializeToString(deterministic=True)).hexdigest()
        if start.resume_state:
            self._restore(start.resume_state)

    def run(self) -> None:
        """Reads to the end; EMPTY_TEXT where there was no text."""
        child_limits.allow_pages(self._reader.pages_total)
        for page in self._reader.pages(self._pages_done):
            if self._pages_in_batch >= self._batch_pages:
                self._end_batch()
            self._read(page)
        self._take(self._assembler.end_batch())
        self._send_chunks(self._chunker.finish())
        if not self._tally.verdict.characters:
            raise failures.empty_text(self._ocr_missing())
        self._end_batch()
        self._finish()

    def _read(self, page: Page) -> None:
        skipped = self._elements_done
        for number, element in enumerate(page.elements):
            if number < skipped:
                continue
            # Ended before an element rather than behind one, so that the last batch is never empty.
            if self._assembler.segment_characters >= MAX_SEGMENT_CHARACTERS:
                self._end_batch()
            self._take(self._assembler.add(element))
            self._tally.element(element)
            self._elements_done = number + 1
        self._tally.page(page)
        self._pages_done, self._elements_done = self._pages_done + 1, 0
        self._pages_in_batch += 1

    def _take(self, elements: Iterable[document_pb2.Element]) -> None:
        for element in elements:
            self._peer.respond(parser_pb2.ParseResponse(element=element).SerializeToString())
            self._send_chunks(self._chunker.add(element))

    def _send_chunks(self, chunks: Iterable[document_pb2.Chunk]) -> None:
        for each in chunks:
            self._peer.respond(parser_pb2.ParseResponse(chunk=each).SerializeToString())

    def _end_batch(self) -> None:
        self._take(self._assembler.end_batch())
        segment = self._assembler.segment()
        self._pages_in_batch = 0
        state = self._state()
        if len(state) > MAX_STATE_BYTES:
            # The undisturbed run comes by here as well, so both cut at the same place.
            self._send_chunks(self._chunker.finish())
            state = self._state()
        end = parser_pb2.BatchEnd(
            pages_done=self._pages_done,
            pages_total=self._reader.pages_total,
            resume_state=state,
            segment=segment,
        )
        self._peer.respond(parser_pb2.ParseResponse(batch_end=end).SerializeToString())

    def _finish(self) -> None:
        counts = self._tally.verdict
        route = "tesseract" if counts.pages_ocr == counts.pages_read else self._reader.route
        finished = parser_pb2.Finished(
            verdict=self._tally.finished(route, self._reader.media_type),
            element_count=self._assembler.ordinal,
            chunk_count=self._chunker.count,
        )
        self._peer.respond(parser_pb2.ParseResponse(finished=finished).SerializeToString())

    def _ocr_missing(self) -> bool:
        return any(each.startswith(OCR_WARNING) for each in self._tally.verdict.warnings)

    def _state(self) -> bytes:
        state = {
            "version": _STATE_VERSION,
            "options": self._options,
            "pages": self._pages_done,
            "elements": self._elements_done,
            "assembler": self._assembler.state(),
            "section": self._chunker.section.state(),
            "tally": self._tally.state(),
        }
        return zlib.compress(json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode(), 6)

    def _restore(self, data: bytes) -> None:
        try:
            state = _inflated(data, self._options)
            self._pages_done, self._elements_done = int(state["pages"]), int(state["elements"])
            self._assembler = Assembler.restored(state["assembler"])
            self._chunker.section = OpenSection.restored(state["section"])
            self._tally = Tally.restored(state["tally"])
        except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
            raise InvalidInput(
                "The resume state does not fit this call. Start the document from its beginning.",
                reason="resume_state_invalid",
            ) from error


def _inflated(data: bytes, options: str) -> dict[str, Any]:
    """The state as JSON; ValueError where it is of another version or was made with other options."""
    inflater = zlib.decompressobj()
    plain = inflater.decompress(data, 16 * MAX_STATE_BYTES)
    if inflater.unconsumed_tail:
        raise ValueError("too long")
    state: dict[str, Any] = json.loads(plain)
    if (state["version"], state["options"]) != (_STATE_VERSION, options):
        raise ValueError("another version or other options")
    return state
