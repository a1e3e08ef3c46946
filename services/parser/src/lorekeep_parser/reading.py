"""A job in a child: reads a document, or chunks stored elements, and sends what comes of it."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis.errors import InvalidInput
from lorekeep_parser import failures, properties
from lorekeep_parser.asking import vectors_through
from lorekeep_parser.assembler import MAX_SEGMENT_CHARACTERS, Assembler, in_parts
from lorekeep_parser.attachments import Attachments
from lorekeep_parser.chunking import tokenizer_rack
from lorekeep_parser.chunking.chunkers import Chunking, Vectors, chunker_of
from lorekeep_parser.chunking.tokens import CharacterCounter
from lorekeep_parser.page import Page, Reader, Wishes
from lorekeep_parser.peer import Peer
from lorekeep_parser.sandbox import child_limits, heartbeat
from lorekeep_parser.verdicts import Tally

_STATE_VERSION = 2
MAX_STATE_BYTES = 256 * 1024
OCR_WARNING = "ocr_unavailable"
# Of one document. What is beyond is left out and told: a few bytes can stand for far more text than was ever written.
MAX_CHARACTERS = 100_000_000
MAX_ELEMENTS = 1_000_000
_FULL_WARNING = (
    f"too_much_text: what lies beyond {MAX_CHARACTERS // 1_000_000} million characters or {MAX_ELEMENTS // 1_000_000} "
    "million passages was left out; split the document"
)


def work(job: dict[str, object], peer: Peer) -> None:
    """Does the job; typed errors where the document is at fault."""
    start = base64.b64decode(str(job["start"]))
    if job["mode"] == "chunk":
        options = parser_pb2.ChunkOptions.FromString(start)
        chunk(_chunking(options, job, vectors_through(peer, parser_pb2.ChunkResponse)), peer)
        return
    from lorekeep_parser import readers

    opening = parser_pb2.ParseStart.FromString(start)
    wishes = Wishes(opening.strategy, tuple(opening.languages), opening.attachments)
    reader = readers.opened(Path(str(job["path"])), opening.name, opening.declared_media_type, wishes)
    chunker = None
    if opening.HasField("chunk_options"):
        chunker = _chunking(opening.chunk_options, job, vectors_through(peer, parser_pb2.ParseResponse))
    Reading(opening, reader, chunker, peer).run()


def _chunking(options: parser_pb2.ChunkOptions, job: dict[str, object], vectors: Vectors) -> Chunking:
    characters = options.unit == parser_pb2.CHUNK_UNIT_CHARACTERS
    counter = CharacterCounter() if characters else tokenizer_rack.counter(str(job["tokenizer"]))
    return chunker_of(options, counter, vectors)


def chunk(chunker: Chunking, peer: Peer) -> None:
    """Chunks the segments that the peer gives."""

    def send(chunks: Iterable[document_pb2.Chunk]) -> None:
        for each in chunks:
            peer.respond(parser_pb2.ChunkResponse(chunk=each).SerializeToString())

    while (data := peer.request()) is not None:
        for element in document_pb2.Segment.FromString(data).elements:
            send(chunker.add(element))
    send(chunker.finish())


class Reading:
    """One document on its way through assembler and chunker; without a chunker, elements are all there is."""

    def __init__(self, start: parser_pb2.ParseStart, reader: Reader, chunker: Chunking | None, peer: Peer) -> None:
        self._start = start
        self._reader = reader
        self._peer = peer
        self._chunker = chunker
        self._assembler, self._tally = Assembler(), Tally()
        self._attachments = Attachments(peer, wanted=start.attachments)
        # Where the next batch begins: whole pages, and elements of the page behind them.
        self._pages_done, self._elements_done = 0, 0
        self._pages_in_batch: list[document_pb2.PageVerdict] = []
        self._options = _fingerprint(start)
        if start.resume_state:
            self._restore(start.resume_state)

    def run(self) -> None:
        """Reads to the end, or to the last page that was asked for.

        Where there was no text at all, CORRUPT if every page is damaged, EMPTY_TEXT else.
        """
        child_limits.allow_pages(self._reader.pages_total)
        for page in self._reader.pages(self._pages_done):
            heartbeat.beat()
            if self._start.last_page and self._pages_done >= self._start.last_page:
                self._end_batch()
                return
            if len(self._pages_in_batch) >= self._start.batch_pages:
                self._end_batch()
            if not self._read(page):
                break
        self._take(self._assembler.finish())
        self._close_chunks()
        if not self._tally.verdict.characters:
            if self._tally.all_broken:
                raise failures.corrupt("document")
            raise failures.empty_text(self._ocr_missing())
        self._end_batch()
        self._finish()

    def _read(self, page: Page) -> bool:
        """False where the document has become too long for what is left of the page."""
        skipped, whole = self._elements_done, True
        for number, element in enumerate(in_parts(page.elements)):
            if number < skipped:
                continue
            if self._full:
                page.warnings.append(_FULL_WARNING)
                page.truncations += 1
                whole = False
                break
            # Ended before an element rather than behind one, so that the last batch is never empty.
            if self._assembler.segment_characters >= MAX_SEGMENT_CHARACTERS:
                self._end_batch()
            self._take(self._assembler.add(element))
            self._tally.element(element)
            self._elements_done = number + 1
        if whole:
            self._attachments.send(page)
        self._pages_in_batch.append(self._tally.page(page))
        self._pages_done, self._elements_done = self._pages_done + 1, 0
        return whole

    @property
    def _full(self) -> bool:
        return self._assembler.length >= MAX_CHARACTERS or self._assembler.ordinal >= MAX_ELEMENTS

    def _take(self, elements: Iterable[document_pb2.Element]) -> None:
        for element in elements:
            self._respond(element=element)
            if self._chunker is not None:
                self._send_chunks(self._chunker.add(element))

    def _close_chunks(self) -> None:
        if self._chunker is not None:
            self._send_chunks(self._chunker.finish())

    def _send_chunks(self, chunks: Iterable[document_pb2.Chunk]) -> None:
        for each in chunks:
            self._respond(chunk=each)

    def _respond(self, **part: Any) -> None:
        self._peer.respond(parser_pb2.ParseResponse(**part).SerializeToString())

    def _end_batch(self) -> None:
        segment = self._assembler.segment()
        segment.pages.extend(self._pages_in_batch)
        self._pages_in_batch = []
        state = self._state()
        if len(state) > MAX_STATE_BYTES:
            # The undisturbed run comes by here as well, so both cut at the same place.
            self._close_chunks()
            state = self._state()
        end = parser_pb2.BatchEnd(
            pages_done=self._pages_done,
            pages_total=self._reader.pages_total,
            resume_state=state,
            segment=segment,
        )
        self._respond(batch_end=end)

    def _finish(self) -> None:
        counts = self._tally.verdict
        route = "tesseract" if counts.pages_ocr == counts.pages_read else self._reader.route
        finished = parser_pb2.Finished(
            verdict=self._tally.finished(route, self._reader.media_type),
            element_count=self._assembler.ordinal,
            chunk_count=0 if self._chunker is None else self._chunker.count,
            properties=properties.bounded(self._reader.properties),
            attachment_count=self._attachments.count,
        )
        self._respond(finished=finished)

    def _ocr_missing(self) -> bool:
        return any(each.startswith(OCR_WARNING) for each in self._tally.verdict.warnings)

    def _state(self) -> bytes:
        state = {
            "version": _STATE_VERSION,
            "options": self._options,
            "pages": self._pages_done,
            "elements": self._elements_done,
            "attachments": self._attachments.state(),
            "assembler": self._assembler.state(),
            "section": None if self._chunker is None else self._chunker.state(),
            "tally": self._tally.state(),
        }
        return zlib.compress(json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode(), 6)

    def _restore(self, data: bytes) -> None:
        try:
            state = _inflated(data, self._options)
            self._pages_done, self._elements_done = int(state["pages"]), int(state["elements"])
            self._attachments.restore(state["attachments"])
            self._assembler = Assembler.restored(state["assembler"])
            if self._chunker is not None:
                self._chunker.restore(state["section"])
            self._tally = Tally.restored(state["tally"])
        except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
            raise InvalidInput(
                "The resume state does not fit this call. Start the document from its beginning.",
                reason="resume_state_invalid",
            ) from error


def _fingerprint(start: parser_pb2.ParseStart) -> str:
    """Of what decides the answer: a state fits only the options that it was made with."""
    deciding = parser_pb2.ParseStart(
        chunk_options=start.chunk_options if start.HasField("chunk_options") else None,
        strategy=start.strategy,
        languages=start.languages,
        attachments=start.attachments,
    )
    return hashlib.sha256(deciding.SerializeToString(deterministic=True)).hexdigest()


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
