"""How much one document may come to, whatever its reader gives."""

from collections.abc import Iterator

from lorekeep.document.v1 import document_pb2
from lorekeep.parser.v1 import parser_pb2
from lorekeep_parser import reading
from lorekeep_parser.page import Page
from lorekeep_parser.readers import elements
from lorekeep_parser.reading import Reading
from lorekeep_parser.sandbox.frames import MAX_PAYLOAD_BYTES


class _Endless:
    """Pages of the same text, over and over."""

    media_type, route, pages_total = "text/plain", "text", 0

    def __init__(self, texts: int, text: str, pages: int = 3) -> None:
        self.properties = document_pb2.Properties()
        self._texts, self._text, self._pages = texts, text, pages

    def pages(self, first: int) -> Iterator[Page]:
        """Each with all of the texts."""
        for _ in range(first, self._pages):
            yield Page(elements.text(self._text) for _ in range(self._texts))


class _Gathering:
    """Takes answers."""

    def __init__(self) -> None:
        self.longest = self.characters = self.elements = 0
        self.states: list[bytes] = []
        self.finished = parser_pb2.Finished()

    def respond(self, message: bytes) -> None:
        self.longest = max(self.longest, len(message))
        answer = parser_pb2.ParseResponse.FromString(message)
        self.elements += answer.HasField("element")
        self.characters += len(answer.element.text)
        if answer.HasField("batch_end"):
            self.states.append(answer.batch_end.resume_state)
        if answer.HasField("finished"):
            self.finished = answer.finished

    def request(self) -> bytes | None:
        return None

    def vectors(self) -> bytes:
        return b""


def _read(reader: _Endless, state: bytes = b"") -> _Gathering:
    peer = _Gathering()
    Reading(parser_pb2.ParseStart(batch_pages=1, resume_state=state), reader, None, peer).run()
    return peer


def test_more_text_than_a_document_may_hold_is_left_out_and_told() -> None:
    found = _read(_Endless(60, "lamp oil " * 100_000))
    assert reading.MAX_CHARACTERS <= found.characters + found.elements * 2 <= reading.MAX_CHARACTERS + 2**17
    verdict = found.finished.verdict
    assert verdict.truncations == 1
    assert [each.partition(":")[0] for each in verdict.warnings] == ["too_much_text"]
    resumed = _read(_Endless(60, "lamp oil " * 100_000), found.states[-2])
    assert resumed.finished == found.finished


def test_a_document_of_its_bounds_is_whole() -> None:
    found = _read(_Endless(5, "lamp oil", pages=2))
    assert (found.elements, found.finished.verdict.truncations) == (10, 0)
    assert not found.finished.verdict.warnings


def test_one_passage_however_long_fits_the_frames() -> None:
    found = _read(_Endless(1, "\U0001f56f" * 3_000_000, pages=1))
    assert found.characters == 3_000_000
    assert found.longest < MAX_PAYLOAD_BYTES
    assert len(found.states) > 5
