"""multipart/form-data as a stream: parts come as they arrive, and no file is held whole."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from lorekeep_chassis import errors

_MOST_PARTS = 128
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Head:
    """What opens a part: its field's name and, for a file, the file's name and what it is said to be."""

    name: str
    filename: str | None
    content_type: str = ""


@dataclass(frozen=True)
class End:
    """A part is complete."""


Event = Head | bytes | End


class Form:
    """A form that is being received: call `next_part` until it gives None; `pieces` reads the part it gave."""

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        self._events = _events(_boundary(content_type), stream)
        self._in_part = False

    async def next_part(self) -> Head | None:
        """The next part, past whatever was not read of the last; InvalidInput where the form is broken."""
        async for event in self._events:
            if isinstance(event, Head):
                self._in_part = True
                return event
        return None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes of the part that `next_part` gave."""
        while self._in_part:
            event = await anext(self._events, End())
            if isinstance(event, bytes):
                yield event
            else:
                self._in_part = False

    async def value(self, name: str, most_bytes: int) -> str:
        """The part as text; UnprocessableInput where it is too long or not UTF-8."""
        held = bytearray()
        async for piece in self.pieces():
            held += piece
            if len(held) > most_bytes:
                raise errors.UnprocessableInput(f"This field has at most {most_bytes} bytes.", field=name)
        try:
            return held.decode()
        except UnicodeDecodeError:
            raise errors.UnprocessableInput("This field is not UTF-8.", field=name) from None


async def _events(boundary: bytes, stream: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    parser = _Parser(boundary)
    async for received in stream:
        for start in range(0, len(received), _PIECE_BYTES):
            for event in parser.fed(received[start : start + _PIECE_BYTES]):
                yield event
    if not parser.ended:
        raise _broken("The form ends early. Send it whole, with its closing boundary.")


class _Parser:
    """python-multipart's state machine, its callbacks turned into events."""

    def __init__(self, boundary: bytes) -> None:
        self.ended = False
        self._events: list[Event] = []
        self._field, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._parts = 0
        self._machine = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._head,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._close,
            },
        )

    def fed(self, piece: bytes) -> list[Event]:
        """What a piece of the body brings."""
        self._events = []
        try:
            self._machine.write(piece)
        except FormParserError:
            raise _broken("The form is not well-formed multipart/form-data.") from None
        return self._events

    def _begin(self) -> None:
        self._headers = {}
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise errors.UnprocessableInput(f"A form has at most {_MOST_PARTS} parts.", field="file")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _head(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise _broken("A part of the form has no name.")
        filename = options.get(b"filename")
        shown = None if filename is None else filename.decode("utf-8", "replace")
        declared = parse_options_header(self._headers.get(b"content-type", b""))[0].decode("latin-1")
        self._events.append(Head(options[b"name"].decode("utf-8", "replace"), shown, declared))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _end(self) -> None:
        self._events.append(End())

    def _close(self) -> None:
        self.ended = True


def _boundary(content_type: str) -> bytes:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 200:
        raise _broken("The Content-Type names no boundary.")
    return boundary


def _broken(message: str) -> errors.InvalidInput:
    return errors.InvalidInput(message, reason="invalid_form")
