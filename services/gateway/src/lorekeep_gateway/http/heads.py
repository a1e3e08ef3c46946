"""Requests' heads, bounded in size and time while they arrive: the server keeps what it is sent of one until it is
whole."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 1024


class BoundedHeads(HttpToolsProtocol):
    """One connection; ended where a request's first line and headers grow beyond what any has, or take too long."""

    head_seconds = 20.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Whoever connects has something to ask."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, which may hold a head that is not complete; what follows it is bounded elsewhere."""
        self._head_bytes += len(data)
        if self._in_head:
            self._expect_head()
        super().data_received(data)
        if self._in_head and self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(f"The request's headers are larger than {MOST_HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """From here on a body arrives."""
        self._in_head = False
        self._expect_nothing()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next request may follow on the same connection; how long it may let wait is the server's to say."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def _expect_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self._give_up)

    def _expect_nothing(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._refuse(f"The request's headers did not arrive within {self.head_seconds:g} s.")

    def _refuse(self, message: str) -> None:
        if not self.transport.is_closing():
            self.send_400_response(message)
