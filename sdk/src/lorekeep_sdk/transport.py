"""One call of the HTTP API: attempts, pauses between them, and the deadline over all of them.

Every call may be repeated: those that create carry an Idempotency-Key that stays the same over their attempts, and the
rest are idempotent. So a refused or reset connection and the answers 429, 502, 503 and 504 lead to another attempt.
A service that is full (429, 503) and says when to come back is waited for beyond the deadline, as long as there is
patience; each such wait begins the deadline anew.
"""

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import IO, Any, NamedTuple, TypeGuard

import httpx

from lorekeep_sdk.addresses import is_loopback
from lorekeep_sdk.errors import FileChanged, LorekeepApiError, LorekeepError, NoAnswer, of_answer

_REPEATED_STATUSES = frozenset({429, 502, 503, 504})
_FULL_STATUSES = frozenset({429, 503})
_MAYBE_DONE_STATUSES = frozenset({502, 504})
_REPEATED_FAILURES = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.0
_CONNECT_SECONDS = 5.0
_CONNECTIONS = 128

Parts = Sequence[tuple[str, tuple[str, IO[bytes], str]]]
OnWait = Callable[[float, LorekeepApiError], None]


def new_key() -> str:
    """An Idempotency-Key of its own for one call with all its attempts."""
    return str(uuid.uuid4())


class Patience(NamedTuple):
    """How long a call waits in all for a service that is full; `on_wait` is told each wait's seconds and its reason."""

    seconds: float = 0.0
    on_wait: OnWait = lambda _seconds, _refusal: None


IMPATIENT = Patience()


def pause_seconds(number: int, hint: float | None, chance: Callable[[], float] = random.random) -> float:
    """The pause after attempt `number` (from 0): the service's hint and a little more, else a growing random one.

    Randomness keeps many callers that failed together from coming back together.
    """
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(number, 16))
    return chance() * longest if hint is None else hint + chance() * _FIRST_PAUSE_SECONDS


def given(**values: Any) -> dict[str, Any]:
    """The values that are not None: what was not given is left to the service."""
    return {name: value for name, value in values.items() if value is not None}


class Transport:
    """Connections to one address. `deadline_seconds` bounds a call with all its attempts; patience may add to it."""

    def __init__(
        self,
        url: str,
        key: str,
        deadline_seconds: float,
        traceparent: Callable[[], str | None],
        patience: Patience = IMPATIENT,
    ) -> None:
        headers = {"accept": "application/json", "user-agent": "lorekeep-sdk"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        self.url = url.rstrip("/")
        self._deadline_seconds = deadline_seconds
        self._traceparent = traceparent
        self._patience = patience
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=headers,
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            trust_env=not is_loopback(self.url),  # a proxy of the environment must not catch local traffic
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def json(self, method: str, path: str, **request: Any) -> Any:
        """The decoded JSON answer of a call; arguments as of `answer`."""
        response = await self.answer(method, path, **request)
        try:
            return response.json() if response.content else {}
        except ValueError:
            raise LorekeepError(f"{self.url} does not answer like lorekeep; check the address.") from None

    async def answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        content: bytes | None = None,
        fields: Mapping[str, str] | None = None,
        parts: Parts | None = None,
        idempotency_key: str = "",
        deadline_seconds: float | None = None,
        final_statuses: Sequence[int] = (),
    ) -> httpx.Response:
        """The successful answer of a call.

        `body` is sent as JSON, `content` as it is; `fields` and `parts` as multipart, streamed.

        An answer with one of `final_statuses` counts as successful.
        Raises LorekeepApiError of the last answer, NoAnswer where the last attempt got none, FileChanged.
        """

        def request() -> httpx.Request:
            headers = self._headers(idempotency_key)
            sent = {"json": body, "content": content, "data": fields, "files": parts}
            return self._http.build_request(method, path, params=query, headers=headers, **sent)

        return await self._attempts(request, deadline_seconds or self._deadline_seconds, final_statuses)

    @asynccontextmanager
    async def stream(
        self, path: str, headers: Mapping[str, str], *, silence_seconds: float
    ) -> AsyncIterator[httpx.Response]:
        """One attempt at an answer that is read while it is written; broken off after so long without a byte.

        Raises LorekeepApiError where the service refuses, NoAnswer where the connection fails or breaks, TimeoutError
        where it stays silent.
        """
        timeout = httpx.Timeout(silence_seconds, connect=_CONNECT_SECONDS)
        try:
            sent = {**self._headers(""), **headers}
            async with self._http.stream("GET", path, headers=sent, timeout=timeout) as response:
                if not response.is_success:
                    raise of_answer(response.status_code, response.headers, await response.aread())
                yield response
        except httpx.ReadTimeout as error:
            raise TimeoutError(f"{self.url} stays silent.") from error
        except _REPEATED_FAILURES as error:
            raise NoAnswer(f"No answer from {self.url}: {_what(error)}.") from error

    async def _attempts(
        self, request: Callable[[], httpx.Request], seconds: float, final_statuses: Sequence[int]
    ) -> httpx.Response:
        until = time.monotonic() + seconds
        patient_until = time.monotonic() + self._patience.seconds
        repeated = False
        failure: LorekeepError | None = None
        for number in itertools.count():
            hint = None
            try:
                response = await self._attempt(request(), until)
            except (*_REPEATED_FAILURES, TimeoutError) as error:
                # An attempt that the deadline cut says less than what stood in the way before it.
                if failure is None or not isinstance(error, (TimeoutError, httpx.TimeoutException)):
                    failure = NoAnswer(f"No answer from {self.url}: {_what(error)}.")
                    failure.__cause__ = error
                repeated = repeated or not isinstance(error, _NEVER_SENT)
            else:
                if response.is_success or response.status_code in final_statuses:
                    return response
                refusal = of_answer(response.status_code, response.headers, response.content, repeated=repeated)
                if not _worth_repeating(refusal):
                    raise refusal
                repeated = repeated or refusal.status in _MAYBE_DONE_STATUSES
                failure, hint = refusal, refusal.retry_after
            pause = pause_seconds(number, hint)
            if time.monotonic() + pause >= until:
                if not _full(failure) or time.monotonic() + pause >= patient_until:
                    raise failure
                until = time.monotonic() + pause + seconds
            if _full(failure):
                self._patience.on_wait(pause, failure)
            await asyncio.sleep(pause)
        raise AssertionError("the attempts end by a return or a raise")

    async def _attempt(self, request: httpx.Request, until: float) -> httpx.Response:
        """One attempt; TimeoutError at the deadline. The answer's body is read whole."""
        remaining = max(0.001, until - time.monotonic())
        timeout = httpx.Timeout(remaining, connect=min(remaining, _CONNECT_SECONDS))
        request.extensions = {**request.extensions, "timeout": timeout.as_dict()}
        try:
            async with asyncio.timeout(remaining):
                return await self._http.send(request)
        except httpx.LocalProtocolError as error:
            raise FileChanged("The file changed while it was being sent. Send it again.") from error

    def _headers(self, idempotency_key: str) -> dict[str, str]:
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        traceparent = self._traceparent()
        return {**headers, "traceparent": traceparent} if traceparent else headers


def _full(failure: LorekeepError) -> TypeGuard[LorekeepApiError]:
    """Whether the service is full and said when to come back."""
    return (
        isinstance(failure, LorekeepApiError) and failure.status in _FULL_STATUSES and failure.retry_after is not None
    )


def _worth_repeating(refusal: LorekeepApiError) -> bool:
    """Also a conflict with a time to come back: an earlier attempt with the same idempotency key is still at work."""
    return refusal.status in _REPEATED_STATUSES or (refusal.status == 409 and refusal.retry_after is not None)


def _what(error: Exception) -> str:
    """A failure in a few words; httpx's own texts are often empty."""
    if isinstance(error, httpx.ConnectError):
        return "the connection was refused or the name is unknown"
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return "the time ran out"
    return "the connection broke"
