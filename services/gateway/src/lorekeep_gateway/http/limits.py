"""Bounds of a request: the size of its body, counted while it streams, and the time to its answer."""

import asyncio
from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lorekeep_chassis import calls, errors
from lorekeep_gateway.http.errors import response_of

_LINGER_SECONDS = 5.0

Bound = Callable[[Scope], float]


class BodyLimit:
    """Refuses a body that is, or grows, larger than `most(scope)` bytes.

    An answer that is ready before the body has been read waits until the rest has been read and thrown away, for a
    bounded time: closing a connection with unread bytes resets it, and the caller would never see the answer.
    """

    def __init__(self, app: ASGIApp, most: Bound) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, int(self._most(scope)))
        headers = Headers(scope=scope)
        asks_first = "expect" in headers

        async def send_when_read(message: Message) -> None:
            if message["type"] == "http.response.start" and (body.begun or not asks_first):
                await body.discard()
            await send(message)

        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > body.most:
            await response_of(body.refusal())(scope, receive, send_when_read)
            return
        await self._app(scope, body.receive, send_when_read)


class _Body:
    """A body that is being received."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self.most = most
        self.begun = False
        self._size = 0
        self._ended = False

    async def receive(self) -> Message:
        message = await self._next()
        if self._size > self.most:
            raise self.refusal()
        return message

    async def discard(self) -> None:
        until = monotonic() + _LINGER_SECONDS
        try:
            while not self._ended and self._size <= 2 * self.most + 1024 * 1024:
                async with asyncio.timeout(max(0.0, until - monotonic())):
                    await self._next()
        except TimeoutError:
            return

    def refusal(self) -> errors.TooLarge:
        return errors.TooLarge(f"The body is too large; at most {self.most} bytes are taken here. Send less at once.")

    async def _next(self) -> Message:
        self.begun = True
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self._ended = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message


class TimeLimit:
    """Ends a request whose answer has not begun after `seconds(scope)`, and bounds all calls that it makes."""

    def __init__(self, app: ASGIApp, seconds: Bound) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seconds = self._seconds(scope)
        begun = False
        try:
            async with asyncio.timeout(seconds) as limit:

                async def send_in_time(message: Message) -> None:
                    nonlocal begun
                    if not begun:
                        begun = True
                        limit.reschedule(None)
                    await send(message)

                with calls.deadline(seconds):
                    await self._app(scope, receive, send_in_time)
        except TimeoutError:
            if begun or not limit.expired():
                raise
            late = errors.DeadlineExceeded("The request ran out of time. Try again, or ask for less at once.")
            await response_of(late)(scope, receive, send)
