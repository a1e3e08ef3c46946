"""The body of an answer: bounded in what arrives and in what it unpacks to."""

import zlib
from collections.abc import AsyncGenerator, Iterator

import httpcore

from lorekeep_chassis import errors

_GZIP = zlib.MAX_WBITS | 16
_PIECE_BYTES = 65536


class TooLargeUrl(errors.TooLarge):
    """More than was asked for lies there."""

    default_reason = "url_too_large"


class GarbledUrl(errors.UnprocessableInput):
    """What arrived is not what its headers say."""

    default_reason = "url_unreachable"


def decoder(encoding: str) -> "Plain | Gzip":
    """What undoes a Content-Encoding; GarbledUrl for one that was not asked for."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return Plain()
    if name in ("gzip", "x-gzip"):
        return Gzip()
    raise GarbledUrl("The host answers in an encoding that was not asked for.", field="url")


class Plain:
    """Bytes as they are."""

    def pieces(self, content: bytes) -> Iterator[bytes]:
        yield content

    def end(self) -> None:
        """Nothing can be missing that HTTP does not count."""


class Gzip:
    """Unpacks members of gzip by small pieces, so that a bomb is noticed before it bursts."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def pieces(self, content: bytes) -> Iterator[bytes]:
        try:
            while content:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP)
                self._begun = True
                yield self._member.decompress(content, _PIECE_BYTES)
                content = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error:
            raise GarbledUrl("The host's answer is damaged.", field="url") from None

    def end(self) -> None:
        if self._begun and not self._member.eof:
            raise GarbledUrl("The host's answer ends early.", field="url")


async def bounded(response: httpcore.Response, encoding: str, most_bytes: int) -> AsyncGenerator[bytes, None]:
    """The unpacked body by pieces; TooLargeUrl once more than `most_bytes` arrived or were unpacked."""
    decoding = decoder(encoding)
    arrived = unpacked = 0
    async for content in response.aiter_stream():
        arrived += len(content)
        for piece in decoding.pieces(content):
            unpacked += len(piece)
            if max(arrived, unpacked) > most_bytes:
                raise too_large(most_bytes)
            if piece:
                yield piece
    decoding.end()


def too_large(most_bytes: int) -> TooLargeUrl:
    """The error of a body beyond its bound."""
    return TooLargeUrl(f"What the URL gives is larger than {most_bytes} bytes.", field="url")
