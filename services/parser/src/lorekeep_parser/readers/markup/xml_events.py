"""XML by expat: a walk without a tree, without depth and without entities, whatever the document declares."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Protocol
from xml.parsers import expat

_PIECE_BYTES = 65_536
_ENTITY = re.compile(r"&[\w.:-]{1,64};")


class XmlSink(Protocol):
    """What the events are reported to."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        ...

    def end(self, name: str) -> None:
        """An element ends."""
        ...

    def data(self, text: str) -> None:
        """Text."""
        ...


class Damaged(ValueError):
    """The document is no well-formed XML."""


def events(data: bytes, sink: XmlSink, prefixed: bool = False) -> Iterator[None]:
    """Reports the events of a document in UTF-8, and gives way now and then. Damaged where it is not well-formed.

    Names come without their prefix unless it is asked for.
    """
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = sink.start if prefixed else lambda *told: sink.start(_local(told[0]), told[1])
    parser.EndElementHandler = sink.end if prefixed else lambda name: sink.end(_local(name))
    parser.CharacterDataHandler = sink.data
    # With a handler of this kind expat expands no entity; those that HTML knows are signs and not expansions.
    parser.DefaultHandler = lambda text: sink.data(html.unescape(text)) if _ENTITY.fullmatch(text) else None
    # External ones come there as well, since nobody else takes them; what they name is never looked at.
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        for start in range(0, len(data), _PIECE_BYTES):
            parser.Parse(data[start : start + _PIECE_BYTES], False)
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Damaged(expat.ErrorString(error.code)) from error
    yield


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def well_formed(data: bytes) -> bool:
    """Whether a document in UTF-8 can be walked to its end."""
    try:
        for _ in events(data, _Nobody()):
            pass
    except Damaged:
        return False
    return True


class _Nobody:
    """Listens to nothing."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Nothing."""

    def end(self, name: str) -> None:
        """Nothing."""

    def data(self, text: str) -> None:
        """Nothing."""
