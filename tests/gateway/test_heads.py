"""Connections that send no head, or half of one, are ended; those that ask are answered, again and again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from lorekeep_gateway.http.heads import BoundedHeads

ASK = b"GET / HTTP/1.1\r\nHost: here\r\n"


class _Quick(BoundedHeads):
    head_seconds = 0.3


async def _app(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(2 * _Quick.head_seconds)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def _serving() -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(_app, http=_Quick, lifespan="off", log_config=None, ws="none"))
    running = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def _answers(port: int, *pieces: bytes) -> bytes:
    """All that comes back until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for each in pieces:
        writer.write(each)
        await asyncio.sleep(0.1)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return answer


async def test_who_says_nothing_or_half_of_it_is_told_and_let_go() -> None:
    async with _serving() as port:
        assert b"did not arrive" in await _answers(port)
        assert b"did not arrive" in await _answers(port, ASK, b"X-Slow: 1")


async def test_an_answer_may_take_longer_than_a_head() -> None:
    async with _serving() as port:
        two = await _answers(port, ASK + b"\r\n" + ASK + b"Connection: close\r\n\r\n")
    assert two.count(b"204 No Content") == 2
