"""Whether a process can do its work, asked in its own language.

A target is `http:PORT` (the probe listener's /health/ready), `postgres:SOCKET` or `redis:SOCKET`.
"""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable

_SECONDS = 3.0
_POSTGRES_PROTOCOL = 196608


async def ask(target: str) -> str:
    """Empty where ready, otherwise why not, in one line."""
    kind, _, where = target.partition(":")
    try:
        async with asyncio.timeout(_SECONDS):
            return await _LANGUAGES[kind](where)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        return f"does not answer ({type(error).__name__})"


async def _http(port: str) -> str:
    question = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    answer = await _exchange(reader, writer, question, reader.read)
    head, _, body = answer.partition(b"\r\n\r\n")
    if int(head.split()[1]) == 200:
        return ""
    return _failed_components(json.loads(body))


async def _postgres(path: str) -> str:
    """A session that trust authentication lets in has started when the server sends `R`; `E` says "starting up"."""
    names = b"user\0postgres\0database\0postgres\0\0"
    question = struct.pack("!II", len(names) + 8, _POSTGRES_PROTOCOL) + names
    reader, writer = await asyncio.open_unix_connection(path)
    answer = await _exchange(reader, writer, question, lambda: reader.readexactly(1))
    return "" if answer == b"R" else "starting up"


async def _redis(path: str) -> str:
    reader, writer = await asyncio.open_unix_connection(path)
    answer = await _exchange(reader, writer, b"PING\r\n", reader.readline)
    return "" if answer.startswith(b"+PONG") else answer.decode(errors="replace").strip()


_LANGUAGES: dict[str, Callable[[str], Awaitable[str]]] = {"http": _http, "postgres": _postgres, "redis": _redis}


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    question: bytes,
    answer: Callable[[], Awaitable[bytes]],
) -> bytes:
    try:
        writer.write(question)
        return await answer()
    finally:
        writer.close()


def _failed_components(body: object) -> str:
    components = body.get("components") if isinstance(body, dict) else None
    if not isinstance(components, dict):
        return "not ready"
    failed = [f"{name}: {each.get('detail', '')}" for name, each in components.items() if each["status"] == "failed"]
    return "; ".join(failed) or "not ready"
