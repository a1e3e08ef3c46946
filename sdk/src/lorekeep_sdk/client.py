"""The asynchronous client: what the HTTP API offers, as typed methods."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

from lorekeep_sdk.answers import Health, SearchAnswer, SearchMode
from lorekeep_sdk.collection_calls import AsyncCollections, collection_path
from lorekeep_sdk.document_calls import AsyncDocuments
from lorekeep_sdk.job_calls import AsyncJobs
from lorekeep_sdk.preview_calls import AsyncPreviews
from lorekeep_sdk.source_calls import AsyncQnas, AsyncTexts, AsyncWebsites
from lorekeep_sdk.transport import IMPATIENT, Patience, Transport, given
from lorekeep_sdk.upload_calls import AsyncUploads
from lorekeep_sdk.webhook_calls import AsyncWebhooks


class AsyncLorekeep:
    """A client of one service; use it with `async with`, or call `close`.

    `url` is the service's address, `key` an API key ("" for a service without authentication). `deadline_seconds`
    bounds every call with all its attempts; an upload gets a second more for each 256 KiB. `traceparent` is asked
    before each attempt for a W3C trace context to pass on. With `patience` a call waits longer, where the service is
    full and says when to come back. Every call raises the errors of `lorekeep_sdk.errors`.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        deadline_seconds: float = 30.0,
        traceparent: Callable[[], str | None] = lambda: None,
        patience: Patience = IMPATIENT,
    ) -> None:
        self._transport = Transport(url, key, deadline_seconds, traceparent, patience)
        self.collections = AsyncCollections(self._transport)
        self.documents = AsyncDocuments(self._transport, deadline_seconds)
        self.previews = AsyncPreviews(self._transport)
        self.uploads = AsyncUploads(self._transport, deadline_seconds)
        self.texts = AsyncTexts(self._transport)
        self.qnas = AsyncQnas(self._transport)
        self.websites = AsyncWebsites(self._transport)
        self.jobs = AsyncJobs(self._transport)
        self.webhooks = AsyncWebhooks(self._transport)

    @property
    def url(self) -> str:
        """The service's address."""
        return self._transport.url

    async def search(
        self,
        collection: str | Sequence[str],
        query: str,
        *,
        limit: int = 10,
        mode: SearchMode = "hybrid",
        filter: Mapping[str, Any] | None = None,
        group_by: str | None = None,
        cursor: str | None = None,
    ) -> SearchAnswer:
        """Hits for a query in one collection or several, best first.

        `filter` is a condition such as `{"year": {"$gte": 2020}}` over the collection's declared fields;
        `group_by="document"` gives one hit a document; `cursor` asks for the page after an answer's `next_cursor`.
        """
        body = given(query=query, limit=limit, mode=mode, filter=filter, group_by=group_by, cursor=cursor)
        if isinstance(collection, str):
            answer = await self._transport.json("POST", f"{collection_path(collection)}/search", body=body)
        else:
            body["collections"] = list(collection)
            answer = await self._transport.json("POST", "/api/v1/search", body=body)
        return cast(SearchAnswer, answer)

    async def health(self) -> Health:
        """Readiness with the state of each component; also where the service says that it is not ready."""
        return cast(Health, await self._transport.json("GET", "/health/ready", final_statuses=(503,)))

    async def alive(self, *, deadline_seconds: float | None = None) -> None:
        """Returns where something answers at the address, whatever it says; NoAnswer otherwise."""
        every_error = range(400, 600)
        await self._transport.answer(
            "GET", "/health/live", deadline_seconds=deadline_seconds, final_statuses=every_error
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
