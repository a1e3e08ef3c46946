"""Requests to what users name, by a client that is told nothing by its environment and keeps nothing.

One connection a request: no cookies, no proxies, no credentials, nothing that one user's request could leave for
another's. A deadline covers a request whole, from the name's resolution to the last byte.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value, parsedate_to_datetime
from importlib import metadata
from time import time

import httpcore
import httpx

from lorekeep_chassis import errors
from lorekeep_gateway.outbound import bodies, urls
from lorekeep_gateway.outbound.addresses import Allowed
from lorekeep_gateway.outbound.connecting import CheckedNetwork, Resolver, UnreachableUrl, resolver
from lorekeep_gateway.settings import StoreSettings

_RESOLVING_THREADS = 32
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_HEADER_CHARS = 2048
_ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"


class LateUrl(errors.UnprocessableInput):
    """The host did not finish in time."""

    default_reason = "url_timeout"


class StatusUrl(errors.UnprocessableInput):
    """The host answered, but not with what was asked for; `status` is its code."""

    default_reason = "url_status"

    def __init__(self, status: int, retry_after_seconds: float | None) -> None:
        message = f"The host answered with status {status}. See whether the URL is right and open to everybody."
        super().__init__(message, retry_after_seconds=retry_after_seconds, field="url")
        self.status = status


@dataclass(frozen=True)
class Answer:
    """How a post was answered. `retry_after_seconds` is what the host asks for, None where it asks for nothing."""

    status: int
    retry_after_seconds: float | None


@dataclass(frozen=True)
class Upload:
    """A body that is sent as it is made."""

    size_bytes: int
    pieces: AsyncIterable[bytes]


class Page:
    """An answer whose body is read by `async for`, once, while it is open. Of `fetched` one with status 2xx.
    `retry_after_seconds` is what the host asks for."""

    def __init__(self, url: httpx.URL, response: httpcore.Response, most_bytes: int, until: float) -> None:
        self.url = str(url)
        self.status = response.status
        self.retry_after_seconds = retry_after_of(response)
        self._response = response
        self._headers = headers_of(response)
        # No longer than anybody needs: reading parameters takes a time that grows with the square of their length.
        content_type = self._headers.get("content-type", "")[:_MOST_HEADER_CHARS]
        told = _message(content_type, self._headers.get("content-disposition", "")[:_MOST_HEADER_CHARS])
        self.media_type = told.get_content_type() if content_type else ""
        self.charset = told.get_content_charset() or ""
        self.filename = _filename(told)
        self._most_bytes = most_bytes
        self._until = until
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        """Reads no further."""
        await self._pieces.aclose()

    async def _read(self) -> AsyncGenerator[bytes, None]:
        if int(self._headers.get("content-length", "0")) > self._most_bytes:  # h11 lets only digits pass
            raise bodies.too_large(self._most_bytes)
        encoding = self._headers.get("content-encoding", "")
        async with aclosing(bodies.bounded(self._response, encoding, self._most_bytes)) as pieces:
            while True:
                with _translated():
                    async with asyncio.timeout_at(self._until):
                        piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece


class Outbound:
    """Fetches pages and posts to webhooks."""

    def __init__(self, allowed: Allowed, resolve: Resolver) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._tls = httpx.create_ssl_context()
        self._agent = f"lorekeep/{_version()}"

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: StoreSettings) -> AsyncIterator["Outbound"]:
        """With the system's resolver, which ends with it."""
        threads = ThreadPoolExecutor(_RESOLVING_THREADS, thread_name_prefix="resolving")
        try:
            yield cls(Allowed.of_text(settings.outbound_allowed), resolver(threads))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def fetched(
        self, url: str, *, most_bytes: int, deadline_seconds: float, most_redirects: int = 5
    ) -> AsyncIterator[Page]:
        """The page at `url` or where that leads; each step is checked like the first.

        InvalidUrl, RefusedUrl, UnreachableUrl, LateUrl, StatusUrl; from reading the body also TooLargeUrl.
        """
        until = asyncio.get_running_loop().time() + deadline_seconds
        target = urls.checked(url)
        for _ in range(most_redirects + 1):
            async with self._asked(
                "GET", target, {"Accept": _ACCEPT, "Accept-Encoding": "gzip"}, b"", until
            ) as response:
                location = _location(response)
                if location is None:
                    _require_success(response)
                    async with aclosing(Page(target, response, most_bytes, until)) as page:
                        yield page
                    return
            target = urls.followed(target, location)
        raise UnreachableUrl(f"The page leads on more than {most_redirects} times.", field="url")

    async def post(self, url: str, content: bytes, headers: Mapping[str, str], deadline_seconds: float) -> Answer:
        """Posts `content`; the answer's body is not read, and no redirect is followed. Errors as of `fetched`."""
        until = asyncio.get_running_loop().time() + deadline_seconds
        async with self._asked("POST", urls.checked(url), headers, content, until) as response:
            return Answer(response.status, retry_after_of(response))

    @asynccontextmanager
    async def sent(
        self, url: str, upload: Upload, headers: Mapping[str, str], *, most_bytes: int, deadline_seconds: float
    ) -> AsyncIterator[Page]:
        """The answer to a post of what is too long to be held, whatever its status; no redirect is followed. Errors as
        of `fetched`, but for StatusUrl."""
        until = asyncio.get_running_loop().time() + deadline_seconds
        target = urls.checked(url)
        told = {"Content-Length": str(upload.size_bytes), "Accept-Encoding": "gzip", **headers}
        async with (
            self._asked("POST", target, told, upload.pieces, until) as response,
            aclosing(Page(target, response, most_bytes, until)) as page,
        ):
            yield page

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes],
        until: float,
    ) -> AsyncIterator[httpcore.Response]:
        """An answer's head, on a connection of its own that ends with it."""
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = {"Host": url.netloc.decode("ascii"), "User-Agent": self._agent, "Connection": "close", **headers}
        if method == "POST" and isinstance(content, bytes):
            sent["Content-Length"] = str(len(content))
        async with (
            aclosing(CheckedNetwork(self._allowed, self._resolve)) as network,
            httpcore.AsyncConnectionPool(self._tls, network_backend=network) as pool,
        ):
            request = httpcore.Request(method, target, headers=[*sent.items()], content=content)
            with _translated():
                async with asyncio.timeout_at(until):
                    response = await pool.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()


def headers_of(response: httpcore.Response) -> dict[str, str]:
    """Headers by their names in lower case; of one that is repeated, the first."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(response.headers)}


def retry_after_of(response: httpcore.Response) -> float | None:
    """Seconds that a host asks to be left alone for, given as a number or as a date."""
    given = headers_of(response).get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return float(given[:9])
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time())
    except (ValueError, OverflowError):
        return None


@contextmanager
def _translated() -> Iterator[None]:
    """What the network does wrong as errors of the house, without an address."""
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException):
        raise LateUrl("The host did not answer in time.", field="url") from None
    except (httpcore.NetworkError, httpcore.ProtocolError):
        raise UnreachableUrl("The connection to the host failed, or it broke off.", field="url") from None


def _location(response: httpcore.Response) -> str | None:
    return headers_of(response).get("location") if response.status in _REDIRECTS else None


def _require_success(response: httpcore.Response) -> None:
    if not 200 <= response.status < 300:
        raise StatusUrl(response.status, retry_after_of(response))


def _message(content_type: str, disposition: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type
    message["Content-Disposition"] = disposition
    return message


def _filename(message: Message) -> str:
    """The name that a Content-Disposition gives, without folders and without what cannot be shown.

    The spelling with an encoding counts more, and the parser puts it last.
    """
    given = [value for key, value in message.get_params([], "content-disposition") if key == "filename"]
    try:
        name = collapse_rfc2231_value(given[-1]) if given else ""
    except ValueError:  # it is said to be in an encoding that spells no names
        name = ""
    return "".join(each for each in name.replace("\\", "/").rpartition("/")[2] if each.isprintable())[:255]


def _version() -> str:
    try:
        return metadata.version("lorekeep-gateway")
    except metadata.PackageNotFoundError:
        return "0.0.0"
