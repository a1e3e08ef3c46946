"""Requests' heads, bounded while they arrive: the server keeps what it is sent of one until it is whole."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 1024


class BoundedHeads(HttpToolsProtocol):
    """One connection; ended where a request's first line and headers grow beyond what any has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, which may hold a head that is not complete; what follows it is bounded elsewhere."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The request's headers are larger than {MOST_HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """From here on a body arrives."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next request may follow on the same connection."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()
