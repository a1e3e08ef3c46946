"""Servers that are fetched from and posted to: real sockets on loopback that answer as a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server with what arrived there, and how many connections were made, whatever they brought."""

    host: str
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", name: str = "") -> str:
        return f"http://{name or self.host}:{self.port}{path}"


@asynccontextmanager
async def receiving(answer: Answer, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Receiver]:
    """A server whose every request is answered by `answer`."""
    receiver = Receiver(host)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await _read(reader)
            receiver.requests.append(request)
            await answer(request, writer)
        writer.close()

    server = await asyncio.start_server(serve, host, port)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def replying(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    """Answers always the same; `headers` are given with underscores."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await reply(writer, status, body, **headers)

    return answer


async def reply(writer: asyncio.StreamWriter, status: int = 200, body: bytes = b"", **headers: str) -> None:
    """Writes a whole answer."""
    told = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    writer.write(f"HTTP/1.1 {status} Told\r\n{head}\r\n".encode() + body)
    await writer.drain()


async def hang(request: Request, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.sleep(3600)


async def _read(reader: asyncio.StreamReader) -> Request:
    line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest) if name}
    return Request(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
