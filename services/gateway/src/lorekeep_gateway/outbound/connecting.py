"""Connections to what users name: a name is resolved once, judged, and connected to at an address that was judged."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor

import httpcore

from lorekeep_chassis import errors
from lorekeep_gateway.outbound.addresses import Allowed, address_of

_MOST_ADDRESSES = 4
_CONNECT_SECONDS = 5.0

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


class RefusedUrl(errors.UnprocessableInput):
    """The host lies where nothing is sent to; never says where that is."""

    default_reason = "url_refused"


class UnreachableUrl(errors.UnprocessableInput):
    """Nobody answers there, or what answers speaks no HTTP."""

    default_reason = "url_unreachable"


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to hosts all of whose addresses are admitted; for one request, at whose end `aclose` ends everything.

    TLS is begun by the caller with the host's name, so the certificate is that of the name and not of the address.
    A handshake that is cancelled leaves its connection open behind the caller's back, so they are kept here.
    """

    def __init__(self, allowed: Allowed, resolve: Resolver) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()
        self._streams: list[httpcore.AsyncNetworkStream] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The first of the host's addresses that takes a connection."""
        for address in await self.addresses(host, port):
            try:
                stream = await self._network.connect_tcp(address, port, _CONNECT_SECONDS, local_address, socket_options)
            except (httpcore.NetworkError, httpcore.TimeoutException):
                continue
            self._streams.append(stream)
            return stream
        raise UnreachableUrl("The host does not take a connection.", field="url")

    async def aclose(self) -> None:
        """Ends every connection that was made."""
        for stream in self._streams:
            await stream.aclose()

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: SocketOptions | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise RefusedUrl("Only hosts are reached.", field="url")

    async def sleep(self, seconds: float) -> None:
        """Between attempts, of which there is one."""
        await asyncio.sleep(seconds)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The host's addresses, at most four; RefusedUrl when one of all of them is not admitted."""
        try:
            found = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise UnreachableUrl("The host's name is not known.", field="url")
        if not all(self._allowed.admits(host, address_of(each)) for each in found):
            raise RefusedUrl(
                "This host is not reached from here. Give a public address, or ask your operator to allow the host.",
                field="url",
            )
        return found[:_MOST_ADDRESSES]


def resolver(threads: Executor) -> Resolver:
    """The system's resolver, in threads of its own: a name server that hangs takes none from anybody else."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(threads, _looked_up, host, port)
        return [str(each[4][0]) for each in found]

    return resolve


def _looked_up(host: str, port: int) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]
