"""A server of the unstructured API that reads documents in the parser's place, where the operator names one."""

import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from lorekeep.parser.v1 import parser_pb2
from lorekeep_chassis import errors, logs
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.outbound import bodies, connecting, fetching, urls
from lorekeep_gateway.outbound.addresses import Allowed
from lorekeep_gateway.outbound.fetching import Outbound, Page
from lorekeep_gateway.outbound.forms import FileForm
from lorekeep_gateway.settings import MEBIBYTE

_LOG = logs.logger(__name__)
_PATH = "/general/v0/general"
_RESOLVING_THREADS = 4
# What the parser takes of them; see its readers/elements_json.
MOST_ANSWER_BYTES = 96 * MEBIBYTE
_MOST_DETAIL_BYTES = 16 * 1024
_MOST_DETAIL_CHARACTERS = 300
_LONGEST_PAUSE_SECONDS = 60.0
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_STRATEGIES = {
    parser_pb2.READ_STRATEGY_FAST: "fast",
    parser_pb2.READ_STRATEGY_OCR_ONLY: "ocr_only",
    parser_pb2.READ_STRATEGY_HI_RES: "hi_res",
}
_AWAY = frozenset({408, 425, 429})
_OF_THE_DOCUMENT: Mapping[int, tuple[type[errors.LorekeepError], str]] = {
    400: (errors.InvalidInput, "corrupt"),
    413: (errors.TooLarge, "too_large"),
    415: (errors.UnsupportedMedia, "unsupported_media"),
    422: (errors.InvalidInput, "corrupt"),
}


class RemoteParser:
    """Asks the server. Unavailable where it is away, or does not serve us; else what is wrong with the document."""

    def __init__(self, url: str, key: str, outbound: Outbound, seconds: float) -> None:
        self._url = url
        self._key = key
        self._outbound = outbound
        self._seconds = seconds

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: IngestSettings) -> AsyncIterator["RemoteParser | None"]:
        """The server that the settings name; None where they name none. Only its host is reached, wherever it lies."""
        if not settings.unstructured_api_url:
            yield None
            return
        url = urls.checked(settings.unstructured_api_url)
        path = _PATH if url.path in ("", "/") else url.path
        threads = ThreadPoolExecutor(_RESOLVING_THREADS, thread_name_prefix="resolving")
        outbound = Outbound(Allowed.of_text(url.host), connecting.resolver(threads))
        key = settings.unstructured_api_key.get_secret_value() if settings.unstructured_api_key else ""
        try:
            yield cls(str(url.copy_with(path=path)), key, outbound, settings.stage_deadline_seconds)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    async def answer(
        self, start: parser_pb2.ParseStart, media_type: str, size_bytes: int, content: AsyncIterable[bytes]
    ) -> AsyncIterator[bytes]:
        """The JSON that the server makes of a document, as it comes."""
        form = FileForm.of(_fields(start), "files", start.name or "document", media_type, size_bytes)
        headers = {"Content-Type": form.content_type, "Accept": "application/json"}
        if self._key:
            headers["unstructured-api-key"] = self._key
        asked = self._outbound.sent(
            self._url,
            form.upload(content),
            headers,
            most_bytes=MOST_ANSWER_BYTES,
            deadline_seconds=self._seconds,
        )
        with _translated():
            async with asked as page:
                if page.status != 200:
                    raise await self._refusal(page)
                async for piece in _of_a_list(page):
                    yield piece

    async def _refusal(self, page: Page) -> errors.LorekeepError:
        if page.status in _AWAY or page.status >= 500:
            pause = min(page.retry_after_seconds or 0.0, _LONGEST_PAUSE_SECONDS)
            return _away(pause or None)
        if page.status in _OF_THE_DOCUMENT:
            kind, reason = _OF_THE_DOCUMENT[page.status]
            return kind(f"The remote parser refused the document: {await self._detail(page)}", reason=reason)
        _LOG.error(
            "the remote parser does not serve us; see LOREKEEP_UNSTRUCTURED_API_URL and LOREKEEP_UNSTRUCTURED_API_KEY",
            extra={"lorekeep": {"status": page.status}},
        )
        return errors.Unavailable("The remote parser refuses this installation.", reason="remote_parser_refused")

    async def _detail(self, page: Page) -> str:
        """What the server says, on one line, without what may be the key."""
        held = b""
        async for piece in page:
            held += piece
            if len(held) > _MOST_DETAIL_BYTES:
                break
        told = _told(held) or f"status {page.status}"
        plain = " ".join(_UNPRINTABLE.sub(" ", told).split())
        return (plain.replace(self._key, "***") if self._key else plain)[:_MOST_DETAIL_CHARACTERS]


def _fields(start: parser_pb2.ParseStart) -> dict[str, str]:
    told = {
        "strategy": _STRATEGIES.get(start.strategy, "auto"),
        "coordinates": "true",
        "output_format": "application/json",
    }
    return told | ({"languages": json.dumps(list(start.languages))} if start.languages else {})


async def _of_a_list(page: Page) -> AsyncIterator[bytes]:
    """The body, once it is seen to begin as a list does: a web page of some proxy is no document's content."""
    begun = False
    async for each in page:
        piece = each if begun else each.lstrip()
        if not begun and piece and not piece.startswith(b"["):
            raise _nonsense()
        begun = begun or bool(piece)
        yield piece
    if not begun:
        raise _nonsense()


def _told(body: bytes) -> str:
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    detail = told.get("detail") if isinstance(told, dict) else None
    return detail if isinstance(detail, str) else ""


@contextmanager
def _translated() -> Iterator[None]:
    """Outbound's errors are of a URL; here the URL is the operator's, and the document may wait."""
    try:
        yield
    except bodies.TooLargeUrl:
        message = f"What the remote parser found in the document is larger than {MOST_ANSWER_BYTES} bytes. Split it."
        raise errors.TooLarge(message) from None
    except (
        bodies.GarbledUrl,
        connecting.RefusedUrl,
        connecting.UnreachableUrl,
        fetching.LateUrl,
        urls.InvalidUrl,
    ) as error:
        _LOG.warning("the remote parser does not answer", extra={"lorekeep": {"reason": error.reason}})
        raise _away(None) from None


def _away(pause_seconds: float | None) -> errors.Unavailable:
    return errors.Unavailable(
        "The remote parser is not answering.", reason="remote_parser_unavailable", retry_after_seconds=pause_seconds
    )


def _nonsense() -> errors.InvalidInput:
    return errors.InvalidInput(
        "The remote parser's answer is not the element JSON of the unstructured API. Ask your operator to look at it.",
        reason="corrupt",
    )
